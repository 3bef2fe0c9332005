"""Which conversation a body holds, whichever of the two APIs it is written for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from typing import Any, Final

from pydantic_core import from_json

from addon.proxy.views import chat_turns, responses_turns
from addon.proxy.views.reading import Kind, kind_of, read_json
from addon.proxy.views.turns import Conversation, JsonObject, object_of
from addon.translate.json_edge import parse_json_keeping_halves
from addon.translate.sse import SseDecoder

_LONGEST_STREAM: Final = 4 * 1024 * 1024
"""Bytes of a stream whose pieces are put together."""
_LAST_EVENTS: Final = 4 * 1024 * 1024
"""Bytes at its end, where the event that holds it whole is looked for."""


class NoConversation(ValueError):
    """A body holds none; the message says why."""


def request_in(body: bytes, *, is_cut: bool) -> Conversation:
    """What the request ``body`` says, as far as it goes. Raises NoConversation."""
    value, unread = _json(body, is_cut=is_cut)
    if "messages" in value:
        return replace(chat_turns.chat_request(value), unread=unread)
    if "input" in value:
        return replace(responses_turns.responses_request(value), unread=unread)
    raise NoConversation("It has neither messages nor an input.")


def answer_in(body: bytes, *, is_cut: bool) -> Conversation:
    """What the answer ``body`` says, as far as it goes. Raises NoConversation."""
    if kind_of(body) is Kind.EVENTS:
        return _streamed(body)
    value, unread = _json(body, is_cut=is_cut)
    if "choices" in value:
        return replace(chat_turns.chat_answer(value), unread=unread)
    if "output" in value or "error" in value:
        return replace(responses_turns.responses_answer(value), unread=unread)
    raise NoConversation("It has neither choices nor an output.")


def _json(body: bytes, *, is_cut: bool) -> tuple[JsonObject, int]:
    try:
        value, unread = read_json(body, is_cut=is_cut)
    except ValueError as error:
        raise NoConversation(f"It is not JSON: {error}.") from None
    if not isinstance(value, dict):
        raise NoConversation("It is no JSON object.")
    return value, unread


def _streamed(body: bytes) -> Conversation:
    response = _final_response(body)
    if response:
        return responses_turns.responses_answer(response)
    read = body[:_LONGEST_STREAM]
    payloads = [*_payloads(read)]
    unread = len(body) - len(read)
    if any("choices" in payload for payload in payloads):
        found = chat_turns.chat_answer(chat_turns.joined(payloads))
        return replace(found, unread=unread)
    if any("type" in payload for payload in payloads):
        return replace(
            responses_turns.responses_answer(responses_turns.joined(payloads)), unread=unread
        )
    if payloads:
        return chat_turns.chat_answer(payloads[0])  # an error, as first event
    raise NoConversation("No event of it is a JSON object.")


def _final_response(body: bytes) -> JsonObject:
    """The Response in the last event of a Responses stream; empty where there is none."""
    start = body.rfind(b"\nevent: response.", max(0, len(body) - _LAST_EVENTS))
    if start < 0:
        return {}
    for payload in _payloads(body[start + 1 :]):
        if payload.get("type") in responses_turns.FINAL_EVENTS:
            return object_of(payload.get("response"))
    return {}


def _payloads(stream: bytes) -> Iterator[dict[str, Any]]:
    """The JSON objects of the events in ``stream``."""
    decoder = SseDecoder()
    for data in (*decoder.feed(stream), *decoder.finish()):
        if data.startswith(b"{") and isinstance(value := _value(data), dict):
            yield value


def _value(data: bytes) -> object:
    """``data`` as a value, with halves of characters as they are: the other may come next."""
    try:
        return from_json(data)
    except ValueError:
        with suppress(ValueError):
            return parse_json_keeping_halves(data)
        return None
