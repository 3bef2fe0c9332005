"""The judge of every event and response that any test sees.

``check_stream`` and ``check_response`` raise AssertionError with an account of all that is wrong:
the form of the events, their types (OpenAI's, and Open Responses where its specification is at
hand), the order rules, and whether the end agrees with itself.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import cast

from tests.support import open_responses, openai_types, order
from tests.support.outcome import Outcome, outcome_of
from tests.support.sse import Event, parse_sse

__all__ = ["CheckedStream", "check_response", "check_stream", "parse_sse"]


@dataclass(frozen=True, slots=True)
class CheckedStream:
    """A stream that keeps all the rules."""

    events: list[Event]
    response: Event
    """The response of the terminal event."""

    @property
    def outcome(self) -> Outcome:
        """What the answer comes to."""
        return outcome_of(self.response)

    def items(self) -> list[Event]:
        """The items of the response, in order."""
        return cast("list[Event]", self.response["output"])

    def types(self) -> list[str]:
        """The types of the events, in order."""
        return [str(event["type"]) for event in self.events]


def check_stream(raw: bytes) -> CheckedStream:
    """``raw``, the body of a streamed answer, judged. Raises AssertionError."""
    events = parse_sse(raw)
    faults = [
        f"event {position} ({event.get('type')}): {fault}"
        for position, event in enumerate(events)
        for fault in (*openai_types.event_faults(event), *open_responses.event_faults(event))
    ]
    # Rules of order are read off fields that only well-formed events have.
    faults = faults or order.order_faults(events)
    if not faults:
        faults = openai_types.missing_fields(cast("Event", events[-1]["response"]))
    _refuse(faults, "stream", events)
    return CheckedStream(events, cast("Event", events[-1]["response"]))


def check_response(response: object) -> Event:
    """``response``, a plain answer's JSON value, judged and given back. Raises AssertionError."""
    assert isinstance(response, dict), f"not a response object: {response!r}"
    faults = [*openai_types.response_faults(response), *open_responses.response_faults(response)]
    if not faults:
        faults = [*openai_types.missing_fields(response), *order.response_faults(response)]
    _refuse(faults, "response", [response])
    return response


def _refuse(faults: list[str], what: str, seen: list[Event]) -> None:
    if faults:
        account = "\n".join(f"- {fault}" for fault in faults)
        shown = "\n".join(json.dumps(value, ensure_ascii=False) for value in seen)
        raise AssertionError(f"the {what} breaks {len(faults)} rules:\n{account}\nIt was:\n{shown}")
