"""Whom a token was given to, as far as the token itself says.

Pure. A sign-in names its account only where its tokens are JWTs (RFC 7519); others are
opaque, and nothing is made of them. The signature is not looked at: a token that is
compared here came from the sign-in server itself, and nothing is granted for what it says.
"""

from __future__ import annotations

import base64
import binascii

from pydantic_core import from_json


def subject_of(token: str | None) -> str | None:
    """Issuer and subject (RFC 7519 §4.1.1 and §4.1.2) as one text, None where it has no subject.

    The same for all tokens of one account, whenever they were given out.
    """
    parts = (token or "").split(".")
    if len(parts) != 3:
        return None
    try:
        claims = from_json(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (binascii.Error, ValueError):
        return None
    if not isinstance(claims, dict):
        return None
    subject, issuer = claims.get("sub"), claims.get("iss")
    if not isinstance(subject, str) or not subject:
        return None
    return f"{issuer if isinstance(issuer, str) else ''}\n{subject}"
