"""What mends an account: the one command, fit to be copied."""

from __future__ import annotations

import shlex


def new_credential(name: str, *, is_sign_in: bool) -> str:
    """The command after which the account called ``name`` has a credential that works."""
    quoted = shlex.quote(name)
    if is_sign_in:
        return f"qwen-proxy login --label {quoted}"
    return f"qwen-proxy accounts add --replace --label {quoted}"
