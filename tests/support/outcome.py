"""What an answer comes to, whichever way it was streamed: the words, the calls, the verdict."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, cast

from tests.support.chat import Json, Usage

NO_USAGE: Final = Usage(prompt=0, completion=0)
"""What a response says when its upstream did not count."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The sum of a response; of items of one kind, all together in order."""

    text: str = ""
    reasoning: str = ""
    refusal: str = ""
    calls: tuple[tuple[str, str], ...] = ()
    """Of each call the name (``namespace/name`` in a namespace, the type where it has none) and
    what it says: its arguments, its input, or what it asks for as JSON text."""
    status: str = "completed"
    reason: str | None = None
    """``incomplete_details.reason``."""
    usage: Usage = NO_USAGE


def outcome_of(response: Mapping[str, object]) -> Outcome:
    """What ``response``, which has passed the oracle, comes to."""
    output = cast("list[Json]", response["output"])
    parts = _members(output, "message", "content")
    details = cast("Json | None", response["incomplete_details"])
    return Outcome(
        text="".join(str(p["text"]) for p in parts if p["type"] == "output_text"),
        reasoning="".join(str(p["text"]) for p in _members(output, "reasoning", "summary")),
        refusal="".join(str(p["refusal"]) for p in parts if p["type"] == "refusal"),
        calls=tuple(_call(item) for item in output if "call_id" in item),
        status=str(response["status"]),
        reason=None if details is None else cast("str | None", details["reason"]),
        usage=_usage(cast("Json | None", response["usage"])),
    )


def _call(item: Json) -> tuple[str, str]:
    name = "/".join(str(item[field]) for field in ("namespace", "name") if field in item)
    for field in ("arguments", "input"):
        if name and field in item:
            return name, str(item[field])
    asked = next(item[field] for field in ("action", "operation", "arguments") if field in item)
    return str(item["type"]), json.dumps(asked)


def _members(output: list[Json], kind: str, field: str) -> list[Json]:
    items = [cast("list[Json]", item[field]) for item in output if item["type"] == kind]
    return [member for members in items for member in members]


def _usage(usage: Json | None) -> Usage:
    if usage is None:
        return NO_USAGE
    return Usage(
        prompt=cast("int", usage["input_tokens"]),
        completion=cast("int", usage["output_tokens"]),
        cached=cast("dict[str, int]", usage["input_tokens_details"])["cached_tokens"],
        reasoning=cast("dict[str, int]", usage["output_tokens_details"])["reasoning_tokens"],
    )
