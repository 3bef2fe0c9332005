"""What can become of a leased request, as far as its account is concerned.

Values only; what each means for the account is ``state``'s affair. Reasons are
for people: they never hold a token.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens that one answer cost, as the upstream counted them."""

    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    """Of the input, those read from the prompt cache."""
    reasoning_tokens: int = 0
    """Of the output, those spent on thinking."""


@dataclass(frozen=True, slots=True)
class Served:
    """The answer reached its end."""

    usage: Usage | None = None
    """None where the upstream did not say."""


class LimitKind(StrEnum):
    """What is spent; the words are for log lines."""

    RATE = "rate"
    """Requests or tokens a minute, or less: it passes by itself, soon."""
    ALLOCATION = "allocation"
    """Tokens a minute, or what is allocated for a longer time: the refusal does not tell which."""
    HOURS = "5-hour quota"
    DAY = "day's quota"
    WEEK = "week's quota"
    MONTH = "month's quota"
    BALANCE = "balance"
    """Money: nobody can say when there is some again."""


@dataclass(frozen=True, slots=True)
class RateLimited:
    """The upstream refused because a limit or quota is spent."""

    retry_after_seconds: float | None = None
    """How long until it serves again; None where that is not known."""
    model: str | None = None
    """The one model (as the client names it) that is limited; None: the whole account."""
    kind: LimitKind = LimitKind.RATE
    reason: str = field(default="", compare=False)
    """In the upstream's words, if it had any."""


@dataclass(frozen=True, slots=True)
class Unauthorized:
    """The upstream does not accept the credential, and renewing it was no way out."""


@dataclass(frozen=True, slots=True)
class Failed:
    """5xx, no connection, reset or silence, before the first byte of an answer."""

    reason: str


@dataclass(frozen=True, slots=True)
class Cut:
    """The answer broke off, or fell silent, in mid-stream."""

    reason: str


@dataclass(frozen=True, slots=True)
class RequestRefused:
    """The upstream found fault with the request itself (400, 404, 413, 422)."""

    status: int


@dataclass(frozen=True, slots=True)
class Declined:
    """The upstream does not do what was asked beside its real work, such as to list its models.

    It may well serve chat all the same: nothing is held against the account, but for this
    request another is to be asked.
    """

    status: int


@dataclass(frozen=True, slots=True)
class ClientGone:
    """The client left, or the proxy stopped, before the answer's end: nobody's fault."""


Outcome: TypeAlias = (
    Served | RateLimited | Unauthorized | Failed | Cut | RequestRefused | Declined | ClientGone
)
