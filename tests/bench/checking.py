"""Whether a contender's answer is right, before any of its answers is timed."""

from __future__ import annotations

import http.client
import json
from typing import Any, Final

from tests.bench.answers import Script
from tests.bench.asking import Api, body
from tests.bench.contenders import Running

PROBES: Final = (Script(8), Script(40))
"""Of two answers, so that what an answer has beside its pieces is known."""

_SECONDS: Final = 60.0


class WrongAnswer(Exception):
    """A contender does not say what the upstream says."""


def events_around(running: Running) -> int:
    """How many events its answers have beside one for each piece of text. Raises WrongAnswer."""
    around = {_checked(running, script) - script.pieces for script in PROBES}
    if len(around) > 1:
        raise WrongAnswer(f"{running.contender.title}: not an event for each piece: {around}")
    return around.pop()


def check_size(running: Running, megabytes: int) -> None:
    """Whether a request of such a size is answered right. Raises WrongAnswer."""
    _checked(running, PROBES[0], size=megabytes * 1_000_000)


def _checked(running: Running, script: Script, *, size: int = 0) -> int:
    """The number of events of an answer that is right."""
    api = running.contender.api
    events = _events(_ask(running, body(api, script, size=size)))
    read = _read_chat if api is Api.CHAT else _read_responses
    text, tokens = read(events)
    if text != script.text or tokens != script.pieces:
        raise WrongAnswer(f"{running.contender.title}: {tokens} tokens, and says {text[:200]!r}")
    return len(events)


def _ask(running: Running, request: str) -> str:
    connection = http.client.HTTPConnection("127.0.0.1", running.port, timeout=_SECONDS)
    headers = {"content-type": "application/json", "authorization": "Bearer bench"}
    try:
        connection.request("POST", running.contender.api.value, request, headers)
        response = connection.getresponse()
        answer = response.read().decode()
    finally:
        connection.close()
    if response.status != http.HTTPStatus.OK:
        raise WrongAnswer(f"{running.contender.title}: {response.status} {answer[:500]}")
    return answer


def _events(answer: str) -> list[str]:
    """The data of each event."""
    *events, rest = answer.split("\n\n")
    if rest:
        raise WrongAnswer(f"it ends in the middle: {rest[:200]!r}")
    return [event.rpartition("data: ")[2] for event in events]


def _read_chat(events: list[str]) -> tuple[str, int]:
    if events[-1] != "[DONE]":
        raise WrongAnswer("it has no end")
    chunks = [json.loads(event) for event in events[:-1]]
    deltas = [choice["delta"] for chunk in chunks for choice in chunk["choices"]]
    text = "".join(delta.get("content") or "" for delta in deltas)
    return text, chunks[-1]["usage"]["completion_tokens"]


def _read_responses(events: list[str]) -> tuple[str, int]:
    payloads = [json.loads(event) for event in events if event != "[DONE]"]
    last = payloads[-1]
    if last["type"] != "response.completed":
        raise WrongAnswer(f"it ends with {last['type']}")
    deltas = (each for each in payloads if each["type"] == "response.output_text.delta")
    text = "".join(each["delta"] for each in deltas)
    whole = _whole_text(last["response"])
    if whole != text:
        raise WrongAnswer(f"the Response says {whole[:200]!r}, its events {text[:200]!r}")
    return text, last["response"]["usage"]["output_tokens"]


def _whole_text(response: dict[str, Any]) -> str:
    parts = (part for item in response["output"] for part in item.get("content") or ())
    return "".join(part.get("text", "") for part in parts)
