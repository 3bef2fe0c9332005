"""Makes an input into one like it: by what it is, since hardly any change of its bytes is JSON.

What is random comes from a seed, so that the same seed makes the same of the same input.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, TypeAlias

Json: TypeAlias = Any

_EDGES: Final[Sequence[Json]] = (
    None, True, False, 0, 1, -1, 2, 0.5, 1e308, -0.0, 2**31, 2**63, -(2**64), 10**40,
    "", " ", "\n", "\x00", "\ud83d", "\ude00", "é", "👋🏽", "\u2028", "a" * 300, "<think>",
    "</think>", "{}", '{"input": "', '"}', "null", "\\", '"', "data: ", "[DONE]", "../..",
    "\r\n\r\n", [], {}, [[]], [{}], {"": None}, {"type": "text"}, {"$ref": "#"}, {"const": 1},
)  # fmt: skip
_BYTES: Final = (
    b"", b"\x00", b"\xff", b"\xf0\x9f\x91", b'"', b"\\", b"{", b"}", b"[", b"]", b",", b":",
    b"\n", b"\n\n", b"\r\n\r\n", b"\r", b"data:", b"data: ", b"event: error\n", b": \n\n",
    b"id: 1\n", b"[DONE]", b"\xef\xbb\xbf", b"1e999", b"-", b"NaN", b"\\ud83d", b"null", b"<think>",
)  # fmt: skip

_BYTES_RATHER: Final = 0.15
"""How often bytes are changed where a value could be."""


def mutated_json(data: bytes, seed: int, words: Sequence[Json]) -> bytes:
    """A JSON text like ``data``; ``words`` are values that may stand in it."""
    rng = random.Random(seed)  # noqa: S311
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return _bytes_changed(data, rng)
    if rng.random() < _BYTES_RATHER:
        return _bytes_changed(data, rng)
    for _ in range(rng.choice((1, 1, 2, 3, 6))):
        value = _value_changed(value, rng, words)
    return _written(value, rng)


def mutated_stream(data: bytes, seed: int, words: Sequence[Json]) -> bytes:
    """A stream of server-sent events like ``data``, some events or their order changed."""
    rng = random.Random(seed)  # noqa: S311
    if rng.random() < _BYTES_RATHER:
        return _bytes_changed(data, rng)
    events = data.split(b"\n\n")
    for _ in range(rng.choice((1, 1, 2, 3, 6))):
        place = rng.randrange(len(events))
        match rng.randrange(6):
            case 0:
                events.insert(place, events[rng.randrange(len(events))])
            case 1 if len(events) > 1:
                del events[place]
            case 2:
                other = rng.randrange(len(events))
                events[place], events[other] = events[other], events[place]
            case _:
                events[place] = _event_changed(events[place], rng, words)
    return b"\n\n".join(events)


def _event_changed(event: bytes, rng: random.Random, words: Sequence[Json]) -> bytes:
    start = event.find(b"{")
    try:
        value = json.loads(event[start:]) if start >= 0 else None
    except (ValueError, RecursionError):
        value = None
    if value is None:
        return _bytes_changed(event, rng)
    return event[:start] + _written(_value_changed(value, rng, words), rng)


def _written(value: Json, rng: random.Random) -> bytes:
    text = json.dumps(value, ensure_ascii=rng.random() < 0.7)
    return text.encode("utf-8", "surrogatepass")


def _bytes_changed(data: bytes, rng: random.Random) -> bytes:
    for _ in range(rng.choice((1, 1, 2, 4))):
        start = rng.randint(0, len(data))
        end = min(len(data), start + rng.choice((0, 0, 1, 2, 8, 64)))
        put = rng.choice((rng.choice(_BYTES), data[start:end] * rng.choice((2, 20))))
        data = data[:start] + put + data[end:]
    return data


# --- values


def _value_changed(value: Json, rng: random.Random, words: Sequence[Json]) -> Json:
    """``value`` with one change at one of its places; it may be a new value."""
    places = list(_places(value))
    if not places:
        return _another(value, rng, [value], words)
    inside, key = rng.choice(places)
    inhabitants = [holder[place] for holder, place in rng.sample(places, min(8, len(places)))]
    change = rng.choice(_CHANGES)
    change(inside, key, rng, _another(inside[key], rng, inhabitants, words))
    return value


def _places(value: Json) -> Iterator[tuple[Json, Any]]:
    """Each place within ``value``: what holds it, and its key or index there."""
    waiting = [value]
    while waiting:
        inside = waiting.pop()
        keys = (
            list(inside)
            if isinstance(inside, dict)
            else range(len(inside))
            if isinstance(inside, list)
            else ()
        )
        for key in keys:
            yield inside, key
            waiting.append(inside[key])


def _another(
    value: Json, rng: random.Random, inhabitants: Sequence[Json], words: Sequence[Json]
) -> Json:
    """A value that could stand where ``value`` does."""
    match rng.randrange(6):
        case 0:
            new = rng.choice(_EDGES)
        case 1 if isinstance(value, str):
            return _text_changed(value, rng)
        case 2 if isinstance(value, int | float):
            return rng.choice((value + 1, -value, value * 1000, str(value)))
        case 3:
            new = rng.choice(inhabitants)
        case 4:
            return [value] if rng.random() < 0.5 else {rng.choice(("type", "text", "a")): value}
        case _:
            new = rng.choice(words or _EDGES)
    return json.loads(json.dumps(new))  # a copy: nothing is to stand in two places


def _text_changed(text: str, rng: random.Random) -> str:
    start = rng.randint(0, len(text))
    end = min(len(text), start + rng.choice((0, 1, 5)))
    edges = [edge for edge in _EDGES if isinstance(edge, str)]
    return text[:start] + rng.choice((rng.choice(edges), text[start:end] * 3)) + text[end:]


def _put(inside: Json, key: Any, _rng: random.Random, new: Json) -> None:
    inside[key] = new


def _drop(inside: Json, key: Any, _rng: random.Random, _new: Json) -> None:
    del inside[key]


def _add(inside: Json, key: Any, rng: random.Random, new: Json) -> None:
    if isinstance(inside, list):
        inside.insert(key, new)
    else:
        inside[rng.choice((str(new)[:20], f"{key}s", "type", "id"))] = new


def _repeat(inside: Json, key: Any, rng: random.Random, _new: Json) -> None:
    if isinstance(inside, list):
        inside[key:key] = [json.loads(json.dumps(inside[key]))] * rng.choice((1, 2, 30))


_CHANGES: Final[Sequence[Callable[[Json, Any, random.Random, Json], None]]] = (
    _put, _put, _put, _drop, _add, _repeat,
)  # fmt: skip


def words_in(seeds: Sequence[bytes]) -> list[Json]:
    """The names and small values that stand in ``seeds``, JSON texts, each once, in order."""
    found: dict[str, Json] = {}
    for seed in seeds:
        value = json.loads(seed)
        for inside, key in _places(value):
            small = [key] if isinstance(inside, dict) else []
            small += [inside[key]] if len(json.dumps(inside[key])) < 200 else []
            found.update((json.dumps(word), word) for word in small)
    return list(found.values())
