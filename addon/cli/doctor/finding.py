"""What a look at something gives: whether it is well, what there is to know, and what mends it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """How bad it is."""

    OK = "ok"
    NOTE = "note"
    """It works, and the user should know something."""
    WRONG = "wrong"
    """It does not work, or will not."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    subject: str
    verdict: Verdict
    what: str
    cure: str | None = None
    """The one command that mends it, or where there is none, what to do."""


def ok(subject: str, what: str) -> Finding:
    """It is well."""
    return Finding(subject, Verdict.OK, what)


def note(subject: str, what: str, cure: str | None = None) -> Finding:
    """It works, and the user should know something."""
    return Finding(subject, Verdict.NOTE, what, cure)


def wrong(subject: str, what: str, cure: str | None = None) -> Finding:
    """It does not work, or will not."""
    return Finding(subject, Verdict.WRONG, what, cure)
