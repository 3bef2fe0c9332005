"""One entry of the accounts file and the Account that it means: both ways, both pure.

Reading and writing mirror each other: ``EntryModel`` names the keys that are read,
``_fields`` those that are written. A key that neither knows is kept as it is.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Final, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from addon.accounts.account import (
    Account,
    ApiKeyCredential,
    OAuthCredential,
    check_base_url,
    is_sendable,
    resource_base_url,
)
from addon.accounts.store import AtLeast, Change, Json, Plus, StateChange
from addon.faults import Fault, faults
from addon.translate.profile import profile_named


def _sendable(token: str) -> str:
    if not is_sendable(token):
        raise ValueError("must be ASCII in one piece: no space, no line break")
    return token


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("must be printable text in one line")
    return text


def _resource(resource: str) -> str:
    check_base_url(resource_base_url(resource))
    return resource


def _profile(name: str) -> str:
    return profile_named(name).name


def _whole(value: object) -> object:
    """JavaScript's clock arithmetic leaves fractions of a millisecond."""
    return math.floor(value) if isinstance(value, float) and math.isfinite(value) else value


Token = Annotated[str, AfterValidator(_sendable)]
Text = Annotated[str, AfterValidator(_printable)]
BaseUrl = Annotated[str, AfterValidator(check_base_url)]
ResourceUrl = Annotated[str, AfterValidator(_resource)]
ProfileName = Annotated[str, AfterValidator(_profile)]
Milliseconds = Annotated[int, BeforeValidator(_whole)]


class EntryModel(BaseModel):
    """The keys of an entry that mean something here; the aliases are the file's names."""

    model_config = ConfigDict(frozen=True, strict=True, hide_input_in_errors=True)

    id: Text | None = None
    label: Text | None = None
    refresh_token: Token | None = Field(None, alias="refreshToken", repr=False)
    access_token: Token | None = Field(None, alias="accessToken", repr=False)
    expires: Milliseconds | None = None
    resource_url: ResourceUrl | None = Field(None, alias="resourceUrl")
    api_key: Token | None = Field(None, alias="apiKey", repr=False)
    base_url: BaseUrl | None = Field(None, alias="baseUrl")
    profile: ProfileName | None = None
    enabled: bool = True
    priority: int = 0
    models: Annotated[frozenset[Text], Field(strict=False, min_length=1)] | None = None
    model_map: dict[Text, Text] = Field({}, alias="modelMap")
    added_at: Milliseconds | None = Field(None, alias="addedAt")
    last_used: Milliseconds | None = Field(None, alias="lastUsed")
    rate_limit_reset_at: Milliseconds | None = Field(None, alias="rateLimitResetAt")
    requires_reauth: bool = Field(default=False, alias="requiresReauth")

    @model_validator(mode="after")
    def _one_credential(self) -> Self:
        if self.refresh_token and self.api_key:
            raise ValueError("has both refreshToken and apiKey: an account is one or the other")
        if not self.refresh_token and not self.api_key:
            raise ValueError("needs apiKey, or refreshToken from a sign-in")
        return self

    def account(self, account_id: str) -> Account:
        """The value, under the id that it has or was given."""
        return Account(
            id=account_id,
            credential=self.credential(),
            label=self.label,
            enabled=self.enabled,
            priority=self.priority,
            base_url=self.base_url,
            profile=self.profile,
            models=self.models,
            model_map=self.model_map,
            requires_reauth=self.requires_reauth,
            rate_limit_reset_at_ms=self.rate_limit_reset_at,
            last_used_ms=self.last_used,
            added_at_ms=self.added_at,
        )

    def credential(self) -> OAuthCredential | ApiKeyCredential:
        """The one credential that the entry holds."""
        if self.api_key:
            return ApiKeyCredential(self.api_key)
        return OAuthCredential(
            refresh_token=self.refresh_token or "",
            access_token=self.access_token,
            expires_at_ms=self.expires,
            resource_url=self.resource_url,
        )


_STATE: Final = frozenset({"addedAt", "lastUsed", "rateLimitResetAt", "requiresReauth"})
"""Keys that programs write. One that is wrong is not worth an account."""


def read_entry(where: str, entry: Json) -> tuple[EntryModel | None, tuple[Fault, ...]]:
    """What ``entry`` says, and what is wrong with it; None where it cannot be used.

    ``where`` is its place for the faults, such as ``accounts[2]``. Null and the empty
    text count as absent.
    """
    if not isinstance(entry, dict):
        return None, (Fault(where, "must be an object"),)
    given = {key: value for key, value in entry.items() if value is not None and value != ""}
    try:
        return EntryModel.model_validate(given), ()
    except ValidationError as error:
        found = faults(error, EntryModel, show_values=False)
    told = tuple(fault.within(where) for fault in found)
    wrong_state = _STATE.intersection(fault.where for fault in found)
    if len(wrong_state) < len(found):
        return None, told
    sound = {key: value for key, value in given.items() if key not in wrong_state}
    return EntryModel.model_validate(sound), told


def new_entry(account: Account) -> dict[str, Json]:
    """``account`` as the file is to hold it; what is at its default is left out."""
    defaults: dict[str, Json] = {
        "enabled": True,
        "priority": 0,
        "modelMap": {},
        "requiresReauth": False,
    }
    written = {
        key: value
        for key, value in _fields(account).items()
        if value is not None and (key not in defaults or value != defaults[key])
    }
    # the plugin computes with both without looking whether they are there
    return {**written, "addedAt": account.added_at_ms or 0, "lastUsed": account.last_used_ms or 0}


def changed_entry(entry: Json, *, before: Account, after: Account) -> Json:
    """``entry``, which means ``before``, made to mean ``after``; other keys stay untouched."""
    assert isinstance(entry, dict)  # else it meant no account
    changed = dict(entry)
    old = _fields(before)
    for key, value in _fields(after).items():
        if value == old[key]:
            continue
        if value is None:
            changed.pop(key, None)
        else:
            changed[key] = value
    return changed


_OWN_STATE: Final = frozenset({"lastUsed", "rateLimitResetAt"})

_NO_STATE: Final = (
    frozenset(field.alias or name for name, field in EntryModel.model_fields.items()) - _OWN_STATE
)
"""Keys that say who an account is and what it may do: statistics must not touch them."""


def state_of(entry: Json) -> dict[str, Json]:
    """What ``entry`` holds of statistics, those that others keep there included."""
    assert isinstance(entry, dict)  # else it meant no account
    return {key: value for key, value in entry.items() if key not in _NO_STATE}


def with_state(entry: Json, change: StateChange) -> dict[str, Json]:
    """``entry`` with ``change`` made to its statistics.

    Raises ValueError where ``change`` is of more than statistics.
    """
    assert isinstance(entry, dict)  # else it meant no account
    if touched := _NO_STATE.intersection(change):
        raise ValueError(f"not a statistic: {', '.join(sorted(touched))}")
    return _merged(entry, change)


def _merged(there: Mapping[str, Json], change: StateChange) -> dict[str, Json]:
    merged = dict(there)
    for key, new in change.items():
        if new is None:
            merged.pop(key, None)
        else:
            merged[key] = _changed(merged.get(key), new)
    return merged


def _changed(there: Json, new: Change) -> Json:
    match new:
        case Plus(count):
            return _number(there, 0) + count
        case AtLeast(number):
            return max(_number(there, number), number)
        case Mapping():
            return _merged(there if isinstance(there, dict) else {}, new)
        case _:
            return new


def _number(value: Json, default: int) -> int | float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return default
    return value


def _fields(account: Account) -> dict[str, Json]:
    """Every key that is written, None for those that are to be absent."""
    credential = account.credential
    oauth = credential if isinstance(credential, OAuthCredential) else None
    return {
        "id": account.id,
        "label": account.label,
        "refreshToken": oauth.refresh_token if oauth else None,
        "accessToken": oauth.access_token if oauth else None,
        "expires": oauth.expires_at_ms if oauth else None,
        "resourceUrl": oauth.resource_url if oauth else None,
        "apiKey": credential.api_key if isinstance(credential, ApiKeyCredential) else None,
        "baseUrl": account.base_url,
        "profile": account.profile,
        "enabled": account.enabled,
        "priority": account.priority,
        "models": None if account.models is None else [*sorted(account.models)],
        "modelMap": {**account.model_map},
        "addedAt": account.added_at_ms,
        "lastUsed": account.last_used_ms,
        "rateLimitResetAt": account.rate_limit_reset_at_ms,
        "requiresReauth": account.requires_reauth,
    }
