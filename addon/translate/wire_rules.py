"""What all wire types have in common.

They are TypedDicts, so that a checked request is plain dicts and lists: nothing is copied
into objects that would be copied out again a moment later.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, TypeAlias, TypeVar

from pydantic import ConfigDict, Field, StringConstraints, with_config

strict: Final = with_config(ConfigDict(strict=True, extra="allow"))
"""On the wire types of which the answer repeats something: a number is no text. Unknown fields
stay where they are; whoever maps a type decides about them."""

lean: Final = with_config(ConfigDict(strict=True, extra="ignore"))
"""On all others, of which there are many in a request: the same, but without unknown fields."""

T = TypeVar("T")
ListOf: TypeAlias = Annotated[list[T], Field(fail_fast=True)]
"""One fault is all that is told, and of a million faults nobody could hold the list."""

Name: TypeAlias = Annotated[str, StringConstraints(min_length=1)]
JsonObject: TypeAlias = dict[str, Any]

TEXT: Final = "<text>"
LIST: Final = "<list>"
WORD: Final = "<word>"
OBJECT: Final = "<object>"
"""Members of unions that are told apart by what they are made of. pydantic puts the member
into the location of an error, and the brackets say that it is no field."""
