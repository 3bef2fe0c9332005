"""The sign-in that Qwen Code keeps for itself: where it is, and what it holds.

Read only: the file is Qwen Code's, and is never written to from here. No message holds
a credential.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from addon.accounts.account import OAuthCredential
from addon.accounts.entry import Milliseconds, ResourceUrl, Token
from addon.faults import faults

LABEL: Final = "qwen-code"
"""What an account from this file is called, unless its owner says otherwise."""

_FILE: Final = "oauth_creds.json"


class BadQwenCodeFile(ValueError):
    """No sign-in of Qwen Code's; the message says what is wrong, and follows the file's name."""


class _Credentials(BaseModel):
    """The keys of the file that mean something here."""

    model_config = ConfigDict(frozen=True, strict=True, hide_input_in_errors=True)

    refresh_token: Annotated[Token, Field(repr=False)]
    access_token: Annotated[Token | None, Field(repr=False)] = None
    expiry_date: Milliseconds | None = None
    resource_url: ResourceUrl | None = None


def qwen_code_path(env: Mapping[str, str], home: Path) -> Path:
    """The file: in ``$QWEN_HOME``, as Qwen Code understands it, else in ``~/.qwen``."""
    named = env.get("QWEN_HOME")
    if not named:
        return home / ".qwen" / _FILE
    if named == "~" or named.startswith(("~/", "~\\")):
        return home / named[2:] / _FILE
    return Path(named) / _FILE


def read_qwen_code(held: Mapping[str, object]) -> OAuthCredential:
    """The sign-in in ``held``, the object in the file. Raises BadQwenCodeFile.

    Null and the empty text count as absent.
    """
    given = {key: value for key, value in held.items() if value is not None and value != ""}
    if "refresh_token" not in given:
        raise BadQwenCodeFile("holds no sign-in of Qwen Code: it has no refresh_token")
    try:
        found = _Credentials.model_validate(given)
    except ValidationError as error:
        told = faults(error, _Credentials, show_values=False)
        raise BadQwenCodeFile(f"cannot be used: {'; '.join(map(str, told))}") from None
    return OAuthCredential(
        refresh_token=found.refresh_token,
        access_token=found.access_token,
        expires_at_ms=found.expiry_date,
        resource_url=found.resource_url,
    )
