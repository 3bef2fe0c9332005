"""The words in which the sandbox's rules are written: small checks that build larger ones.

A check looks at one JSON value and yields a Violation for each fault it finds in it.
It is called with the value's path, which becomes ``error.param``. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Violation:
    """One fault of a request: ``message`` for people, ``param`` for programs.

    ``param`` is the path of the field (``messages[2].content``), None for the whole body.
    """

    param: str | None
    message: str


Check: TypeAlias = Callable[[object, str], Iterator[Violation]]
"""Called with a JSON value and its path."""


def boolean(value: object, param: str) -> Iterator[Violation]:
    """True or false."""
    if not isinstance(value, bool):
        yield _mismatch(param, "a boolean", value)


def text(value: object, param: str) -> Iterator[Violation]:
    """A string, the empty one too."""
    if not isinstance(value, str):
        yield _mismatch(param, "a string", value)


def non_empty_text(value: object, param: str) -> Iterator[Violation]:
    """A string of at least one character."""
    if not isinstance(value, str):
        yield _mismatch(param, "a string", value)
    elif not value:
        yield Violation(param, f"{param} must not be empty")


def anything(_value: object, _param: str) -> Iterator[Violation]:
    """Any JSON value."""
    return iter(())


def matching(pattern: str) -> Check:
    """A string that ``pattern`` matches as a whole."""
    compiled = re.compile(pattern)

    def check(value: object, param: str) -> Iterator[Violation]:
        if not isinstance(value, str):
            yield _mismatch(param, "a string", value)
        elif not compiled.fullmatch(value):
            yield Violation(param, f"{param} must match ^{pattern}$")

    return check


def integer(low: int, high: int | None = None) -> Check:
    """A whole number from ``low`` to ``high``, both included."""

    def check(value: object, param: str) -> Iterator[Violation]:
        if not isinstance(value, int) or isinstance(value, bool):
            yield _mismatch(param, "an integer", value)
        elif value < low or (high is not None and value > high):
            bound = f"at least {low}" if high is None else f"in [{low}, {high}]"
            yield Violation(param, f"{param} must be {bound}")

    return check


def number(
    low: float, high: float = float("inf"), *, open_low: bool = False, open_high: bool = False
) -> Check:
    """A number from ``low`` to ``high``; an open end is not included itself."""
    interval = f"{'(' if open_low else '['}{low}, {high}{')' if open_high else ']'}"

    def check(value: object, param: str) -> Iterator[Violation]:
        if not isinstance(value, (int, float)) or isinstance(value, bool):
            yield _mismatch(param, "a number", value)
        elif (
            not low <= value <= high or (open_low and value == low) or (open_high and value == high)
        ):
            yield Violation(param, f"Range of {param} should be {interval}")

    return check


def one_of(*choices: str) -> Check:
    """One of these strings."""

    def check(value: object, param: str) -> Iterator[Violation]:
        if not isinstance(value, str) or value not in choices:
            yield Violation(param, f"{param} must be one of {', '.join(map(repr, choices))}")

    return check


def array(
    item: Check, *, at_least: int = 1, at_most: int | None = None, unique: bool = False
) -> Check:
    """An array of ``item``; ``unique`` is for items that can be hashed."""

    def check(value: object, param: str) -> Iterator[Violation]:
        if not isinstance(value, list):
            yield _mismatch(param, "an array", value)
            return
        if len(value) < at_least:
            yield Violation(param, f"{param} must not be empty")
        if at_most is not None and len(value) > at_most:
            yield Violation(param, f"{param} must have at most {at_most} items")
        faults = [fault for i, each in enumerate(value) for fault in item(each, f"{param}[{i}]")]
        yield from faults
        if unique and not faults and len(set(value)) < len(value):
            yield Violation(param, f"{param} must not repeat an item")

    return check


def mapping(item: Check) -> Check:
    """An object with any names, whose values are ``item``."""

    def check(value: object, param: str) -> Iterator[Violation]:
        if not isinstance(value, dict):
            yield _mismatch(param, "an object", value)
            return
        for name, each in value.items():
            yield from item(each, f"{param}.{name}")

    return check


def record(
    fields: Mapping[str, Check],
    *,
    required: Collection[str] = (),
    foreign: Mapping[str, str] | None = None,
) -> Check:
    """An object with these ``fields`` and no others.

    ``foreign`` names fields that are known from elsewhere, with the reason why they are refused.
    """
    reasons = foreign or {}

    def check(value: object, param: str) -> Iterator[Violation]:
        if not isinstance(value, dict):
            yield _mismatch(param, "an object", value)
            return
        for name, each in value.items():
            where = f"{param}.{name}" if param else name
            if name in fields:
                yield from fields[name](each, where)
            else:
                yield Violation(where, f"unknown field {where}{_because(reasons.get(name))}")
        for name in required:
            if name not in value:
                where = f"{param}.{name}" if param else name
                yield Violation(where, f"{where} is required")

    return check


def tagged(
    tag: str, variants: Mapping[str, Check], *, foreign: Mapping[str, str] | None = None
) -> Check:
    """An object whose field ``tag`` says which of the ``variants`` it is.

    ``foreign`` names tags that are known from elsewhere, with the reason why they are refused.
    """
    reasons = foreign or {}

    def check(value: object, param: str) -> Iterator[Violation]:
        if not isinstance(value, dict):
            yield _mismatch(param, "an object", value)
            return
        found, where = value.get(tag), f"{param}.{tag}"
        if isinstance(found, str) and found in variants:
            yield from variants[found](value, param)
        else:
            reason = _because(reasons.get(found) if isinstance(found, str) else None)
            yield Violation(
                where, f"{where} must be one of {', '.join(map(repr, variants))}{reason}"
            )

    return check


def either(*, string: Check, otherwise: Check) -> Check:
    """``string`` for strings, ``otherwise`` for everything else."""

    def check(value: object, param: str) -> Iterator[Violation]:
        return (string if isinstance(value, str) else otherwise)(value, param)

    return check


def _because(reason: str | None) -> str:
    return f": {reason}" if reason else ""


def _mismatch(param: str, expected: str, value: object) -> Violation:
    subject = param or "the body"
    return Violation(param or None, f"{subject} must be {expected}, not {_kind(value)}")


def _kind(value: object) -> str:
    """What a JSON value is, in JSON's own words."""
    if value is None:
        return "null"
    names = {bool: "a boolean", str: "a string", list: "an array", dict: "an object"}
    return names.get(type(value), "a number")
