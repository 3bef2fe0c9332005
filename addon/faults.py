"""What is wrong with something a person wrote, in words that say what is allowed.

Settings and the accounts file are checked by pydantic models; this module turns
pydantic's errors into lines such as ``health_score.initial: must be at most 100
(got 120)``.

It must never show what could be a secret: long texts are left out, and so are the
value of a key that nobody knows and whatever a model of credentials was given.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

_LONGEST_SHOWN: Final = 15
"""Keys and tokens are longer."""

_ALLOWED: Final[dict[str, str]] = {
    "bool_type": "must be true or false",
    "int_type": "must be an integer",
    "float_type": "must be a number",
    "finite_number": "must be a finite number",
    "string_type": "must be a text",
    "string_too_short": "must not be empty",
    "greater_than_equal": "must be at least {ge:.12g}",
    "less_than_equal": "must be at most {le:.12g}",
    "literal_error": "must be one of {choices}",
    "tuple_type": "must be a list",
    "frozen_set_type": "must be a list",
    "too_short": "must hold at least one",
    "dict_type": "must be an object",
    "model_type": "must be an object",
}
"""What pydantic's error types (https://docs.pydantic.dev/latest/errors/validation_errors/)
mean to the author of the value, filled from the error's context."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong: where in the value, and what is allowed there."""

    where: str
    """A path such as ``allow_clients[1]``; empty where the whole value is meant."""
    message: str

    def __str__(self) -> str:
        return f"{self.where}: {self.message}"

    def within(self, place: str) -> Fault:
        """The same fault seen from outside: ``priority`` within ``accounts[2]``."""
        return Fault(f"{place}.{self.where}" if self.where else place, self.message)


def faults(
    error: ValidationError, model: type[BaseModel], *, show_values: bool
) -> tuple[Fault, ...]:
    """Every fault that validating against ``model`` found, in the order of its fields.

    With ``show_values``, short values of a wrong type or range are repeated: not for
    models that hold credentials.
    """
    found = []
    for details in error.errors(include_url=False):
        message = _message(details, model)
        if show_values and details["type"] in _ALLOWED:
            message += f" (got {_shown(details['input'])})"
        found.append(Fault(path(details["loc"]), message))
    return tuple(found)


def path(location: Sequence[int | str]) -> str:
    """``("allow_clients", 1)`` as ``allow_clients[1]``."""
    parts = (f"[{part}]" if isinstance(part, int) else f".{part}" for part in location)
    return "".join(parts).removeprefix(".")


def unknown_key(key: str, known: Sequence[str]) -> str:
    """What to say of a key that is not in ``known``."""
    close = difflib.get_close_matches(key, known, n=1)
    if close:
        return f"unknown key, did you mean {close[0]}?"
    return f"unknown key, known are {', '.join(known)}"


def _message(details: ErrorDetails, model: type[BaseModel]) -> str:
    kind, context = details["type"], details.get("ctx", {})
    if kind == "extra_forbidden":
        return unknown_key(
            str(details["loc"][-1]), list(_owner(details["loc"], model).model_fields)
        )
    if kind == "value_error":
        return str(context["error"])
    if kind == "literal_error":
        choices = context["expected"].replace("'", "").replace(" or ", ", ")
        context = {"choices": choices}
    return _ALLOWED.get(kind, "is not allowed here").format_map(context)


def _owner(location: Sequence[int | str], model: type[BaseModel]) -> type[BaseModel]:
    """The model to which the last key of ``location`` was given."""
    for name in location[:-1]:
        nested = model.model_fields[str(name)].annotation
        if isinstance(nested, type) and issubclass(nested, BaseModel):
            model = nested
    return model


def _shown(value: object) -> str:
    """``value`` as a message may repeat it."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, str | int | float):
        return shown if len(shown := repr(value)) <= _LONGEST_SHOWN else "something longer"
    return "an object" if isinstance(value, dict) else "a list"
