"""Tokens that say whose they are, and cannot be told from real ones by those who read them."""

from __future__ import annotations

import base64
import json


def jwt(subject: str | None, *, issuer: str = "https://chat.example", serial: int | str = 0) -> str:
    """A JWT (RFC 7519), signed by nobody; ``serial`` makes it another one."""
    claims = {"iss": issuer, "jti": serial, **({"sub": subject} if subject else {})}
    return ".".join(_part(part) for part in ({"alg": "RS256"}, claims, {"not": "a signature"}))


def _part(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()
