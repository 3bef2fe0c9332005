"""Accounts documents for tests, and what became of them."""

from __future__ import annotations

import json
from typing import Any

from addon.accounts.document import Document, parse, render

KEY = {"apiKey": "sk-0123456789abcdef", "baseUrl": "https://host.example/v1"}
SIGN_IN = {"refreshToken": "refresh-0123456789", "accessToken": "access-0123456789"}


def document(*entries: object, **root: object) -> Document:
    return parse(json.dumps({"version": 1, "accounts": entries, **root}).encode())


def written(found: Document) -> Any:
    return json.loads(render(found))


def faults(found: Document) -> list[str]:
    return [str(fault) for fault in found.faults]
