"""Reads a stream of server-sent events as strictly as the Responses API writes it.

WHATWG's grammar would forgive much; a client of the Responses API is never sent anything but blocks
of one ``event:`` line, one ``data:`` line with a JSON object, and a blank line. This parser shares
nothing with the one under test.
"""

from __future__ import annotations

import json

Event = dict[str, object]


def parse_sse(raw: bytes) -> list[Event]:
    """The ``data`` of each event in ``raw``.

    Raises AssertionError where a block is not exactly ``event: <type>``, ``data: <object>``, blank
    line, with ``<type>`` the object's own ``type``.
    """
    text = raw.decode("utf-8", "strict")
    assert "\r" not in text, "lines end with CR; the Responses API ends them with LF"
    assert text.endswith("\n\n"), f"the stream ends in mid-event: {text[-80:]!r}"
    return [_event(block) for block in text.removesuffix("\n\n").split("\n\n")]


def _event(block: str) -> Event:
    lines = block.split("\n")
    assert len(lines) == 2, f"not an event line and a data line: {block!r}"
    name, data = lines
    assert name.startswith("event: "), f"no event line first: {block!r}"
    assert data.startswith("data: "), f"no data line second: {block!r}"
    payload = _object(data.removeprefix("data: "))
    kind = name.removeprefix("event: ")
    assert payload.get("type") == kind, f"event line {kind!r} on a {payload.get('type')!r}"
    return payload


def _object(data: str) -> Event:
    try:
        payload = json.loads(data, parse_constant=_no_constant, object_pairs_hook=_unique)
    except ValueError as error:
        raise AssertionError(f"data is not JSON ({error}): {data!r}") from None
    assert isinstance(payload, dict), f"data is not a JSON object: {data!r}"
    return payload


def _no_constant(name: str) -> object:
    raise ValueError(f"{name} is not JSON")


def _unique(pairs: list[tuple[str, object]]) -> Event:
    names = [name for name, _ in pairs]
    if len(set(names)) != len(names):
        raise ValueError(f"a name stands twice in {names}")
    return dict(pairs)
