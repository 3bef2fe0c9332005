"""The shortcut for chunks that are like the one before gives what the plain way gives."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pydantic_core import from_json

from addon.translate import StreamTranslator, stream
from addon.translate.shortcut import Frame, Shortcut, frame_around, only_piece
from addon.translate.tool_names import ToolId, ToolKind
from tests.support.chat import (
    DONE,
    Json,
    Usage,
    call_deltas,
    chunk,
    events,
    reasoning_deltas,
    text_deltas,
)
from tests.support.odd_streams import ODD_STREAMS
from tests.support.oracle import check_stream
from tests.support.strategies import splits, upstream_streams
from tests.support.streams import STREAMS, WRITE, Stream
from tests.support.translation import NOW, fed, translator, values

ALL_STREAMS = (*STREAMS, *ODD_STREAMS)
CUSTOM = ToolId(ToolKind.CUSTOM, "run")


def followed(frame: Frame | None, data: bytes) -> str | None:
    """The text that ``frame`` finds in ``data``."""
    found = frame.follow(data) if frame is not None else None
    return None if found is None else found.decode()


def framed(payload: bytes) -> Frame | None:
    """The frame of a chunk, which hands on the text that it finds."""
    piece = only_piece(from_json(payload))
    return None if piece is None else frame_around(piece, payload, lambda text, _: text.encode())


def on_the_plain_way(machine: StreamTranslator) -> StreamTranslator:
    """``machine``, which never takes a shortcut."""
    machine._shortcut.rest = 1_000_000
    machine._shortcut._was_in_vain = True
    return machine


def by_routes_alone(machine: StreamTranslator) -> StreamTranslator:
    """``machine``, which reads every chunk."""
    machine._shortcut.rest = 1_000_000
    return machine


# --- one frame

_TEXTS = st.text(max_size=20)
_DELTAS = st.sampled_from(["content", "reasoning_content", "reasoning", "arguments"])
_MORE = st.dictionaries(
    st.sampled_from(["id", "usage", "finish_reason", "role", "content", "reasoning_content"]),
    st.none() | st.text(max_size=3) | st.just({"content": "x"}) | st.integers(),
    max_size=3,
)


@st.composite
def _payloads(draw: st.DrawFn, text: str) -> bytes:
    """A chunk with ``text`` in it, among other members, written in any way."""
    name = draw(_DELTAS)
    if name == "arguments":
        delta: Json = {"tool_calls": [{"index": 0, "function": {name: text}, **draw(_MORE)}]}
    else:
        delta = {name: text}
    payload = chunk({**draw(_MORE), **delta, **draw(_MORE)})
    payload = {**draw(_MORE), **payload, **draw(_MORE)}
    spaces = draw(st.sampled_from([None, (",", ":"), (" , ", " : ")]))
    written = json.dumps(payload, ensure_ascii=draw(st.booleans()), separators=spaces)
    return written.encode("utf-8", "surrogatepass")


def _pieces(payload: bytes) -> Any:
    try:
        return only_piece(from_json(payload, allow_inf_nan=False))
    except ValueError:
        return None


@settings(max_examples=500, deadline=None)
@given(st.data(), _TEXTS, _TEXTS)
def test_what_a_frame_finds_is_what_stands_in_the_chunk(
    data: st.DataObject, first: str, second: str
) -> None:
    payload = data.draw(_payloads(first))
    frame = framed(payload)
    assume(frame is not None)
    quoted = json.dumps(second, ensure_ascii=data.draw(st.booleans())).encode()
    other = payload.replace(json.dumps(first, ensure_ascii=False).encode(), quoted)
    text = followed(frame, other)
    if text is not None:
        assert _pieces(other).text == text


_BYTES = st.sampled_from(
    [b'"', b"\\", b'","', b'"}', b"\n", b"\xff", b"x", b"\\u", b"\\ud83d", b""]
)


@settings(max_examples=500, deadline=None)
@given(st.data(), st.text(min_size=1, max_size=8), st.lists(_BYTES, max_size=6))
def test_no_bytes_make_a_frame_find_what_is_not_there(
    data: st.DataObject, text: str, bent: list[bytes]
) -> None:
    payload = data.draw(_payloads(text))
    frame = framed(payload)
    assume(frame is not None)
    start = data.draw(st.integers(0, len(payload)))
    end = data.draw(st.integers(start, len(payload)))
    other = payload[:start] + b"".join(bent) + payload[end:]
    found = followed(frame, other)
    if found is not None:
        assert _pieces(other).text == found


def test_a_frame_finds_the_next_text() -> None:
    first, second = (json.dumps(chunk({"content": text})).encode() for text in ("one", 'a "b"\n'))
    assert followed(framed(first), second) == 'a "b"\n'


def test_a_text_that_stands_elsewhere_too_is_not_taken_for_the_delta() -> None:
    payload = {**chunk({"content": "stop"}), "id": "stop", "object": "stop"}
    frame = framed(json.dumps(payload).encode())
    assert followed(frame, json.dumps({**payload, "id": "go"}).encode()) is None
    assert followed(frame, json.dumps({**payload, "object": "go"}).encode()) is None


def test_a_text_that_looks_like_what_is_around_it_has_no_frame() -> None:
    payload = chunk({"content": ",", "role": "assistant"})
    assert framed(json.dumps(payload, separators=(",", ":")).encode()) is None


OTHER_CHUNKS: dict[str, Json] = {
    "an end": chunk({"content": "x"}, finish="stop"),
    "two pieces": chunk({"content": "x", "reasoning_content": "y"}),
    "two calls": chunk({"tool_calls": [{"function": {"arguments": "x"}}] * 2}),
    "nothing": chunk({"content": ""}),
    "parts": chunk({"content": [{"type": "text", "text": "x"}]}),
    "arguments that are no text": chunk({"tool_calls": [{"function": {"arguments": {"a": "x"}}}]}),
    "another choice": {"choices": [{"index": 1, "delta": {"content": "x"}}]},
    "two choices": {"choices": [{"index": 0, "delta": {"content": "x"}}] * 2},
    "no choice": {"choices": []},
    "a message": {"choices": [{"message": {"content": "x"}}]},
}


@pytest.mark.parametrize("payload", OTHER_CHUNKS.values(), ids=OTHER_CHUNKS.keys())
def test_what_brings_more_or_other_than_one_piece_has_no_frame(payload: Json) -> None:
    assert only_piece(payload) is None


# --- whole streams


@st.composite
def _runs(draw: st.DrawFn) -> bytes:
    """A stream in which chunks are often like the one before."""
    texts = st.lists(st.text(min_size=1, max_size=6), min_size=1, max_size=6)
    payloads: list[Json] = []
    for kind in draw(st.lists(st.sampled_from(["text", "reasoning", "call", "usage"]), max_size=6)):
        if kind == "call":
            index = draw(st.integers(0, 2))
            payloads += call_deltas(WRITE, index=index, pieces=draw(st.integers(1, 8)))
            continue
        pieces = draw(texts)
        deltas = reasoning_deltas(*pieces) if kind == "reasoning" else text_deltas(*pieces)
        if kind == "usage":
            deltas = [{**d, "usage": Usage(n, n).payload()} for n, d in enumerate(deltas)]
        payloads += deltas
    written = (json.dumps(p, ensure_ascii=draw(st.booleans())) for p in payloads)
    end = draw(st.sampled_from(["\n\n", "\r\n\r\n"]))
    return b"".join(f"data: {line}{end}".encode() for line in written) + DONE


TOOLS = (ToolId(ToolKind.CUSTOM, WRITE.name),)


def by_event(raw: bytes) -> list[bytes]:
    lines = raw.splitlines(keepends=True)
    return [b"".join(lines[place : place + 2]) for place in range(0, len(lines), 2)]


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_a_stream_comes_out_the_same_with_and_without_shortcuts(data: st.DataObject) -> None:
    raw = data.draw(_runs() | upstream_streams().map(lambda stream: stream.raw))
    reads = data.draw(st.just(by_event(raw)) | splits(raw))
    plain = values(fed(on_the_plain_way(translator(*TOOLS)), reads))
    assert values(fed(translator(*TOOLS), reads)) == plain
    assert values(fed(by_routes_alone(translator(*TOOLS)), reads)) == plain


@pytest.mark.parametrize("stream", ALL_STREAMS, ids=lambda stream: stream.name)
def test_streams_seen_in_the_wild_come_out_the_same_too(stream: Stream) -> None:
    reads = by_event(stream.raw)
    plain = values(fed(on_the_plain_way(translator(*TOOLS)), reads))
    assert values(fed(translator(*TOOLS), reads)) == plain
    assert values(fed(by_routes_alone(translator(*TOOLS)), reads)) == plain


def test_a_name_that_would_begin_another_call_does_so() -> None:
    parts: list[Json] = [{"id": "a", "function": {"arguments": ""}}]
    parts += [{"id": "b", "function": {"name": "f", "arguments": piece}} for piece in ("1", "2")]
    payloads = [chunk({"tool_calls": [{"index": 0, **part}]}) for part in parts]
    reads = events([*payloads, chunk(finish="stop")])
    plain = fed(on_the_plain_way(translator()), reads)
    assert values(fed(translator(), reads)) == values(plain)
    assert values(fed(by_routes_alone(translator()), reads)) == values(plain)
    assert check_stream(plain).outcome.calls == (("f", "1"), ("f", "2"))


def plain_chunks(payloads: list[Json], monkeypatch: pytest.MonkeyPatch, *, at_once: int = 1) -> int:
    """How many of the chunks with these ``payloads`` take the plain way."""
    parsed: list[bytes] = []

    def parse(payload: bytes, **options: Any) -> Any:
        parsed.append(payload)
        return from_json(payload, **options)

    monkeypatch.setattr(stream, "from_json", parse)
    chunks = events(payloads)
    reads = [b"".join(chunks[i : i + at_once]) for i in range(0, len(chunks), at_once)]
    check_stream(fed(translator(CUSTOM), reads))
    return len(parsed)


def fragments(name: str, pieces: list[str]) -> list[Json]:
    opening: Json = {"id": "c", "function": {"name": name, "arguments": '{"input": "'}}
    parts: list[Json] = [opening]
    parts += [{"function": {"arguments": piece}} for piece in pieces]
    return [chunk({"tool_calls": [{"index": 0, **part}]}) for part in parts]


PIECES = [f"piece \\n {number}" for number in range(1000)]
RUNS: dict[str, list[Json]] = {
    "text": text_deltas(*PIECES),
    "reasoning": reasoning_deltas(*PIECES),
    "arguments": fragments("write", PIECES),
    "input": fragments("run", PIECES),
}


@pytest.mark.parametrize("at_once", [1, 7])
@pytest.mark.parametrize("payloads", RUNS.values(), ids=RUNS.keys())
def test_of_a_thousand_chunks_a_handful_takes_the_plain_way(
    payloads: list[Json], at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert plain_chunks([*payloads, chunk(finish="stop")], monkeypatch, at_once=at_once) < 10


def test_shortcuts_of_no_use_are_tried_ever_more_rarely(monkeypatch: pytest.MonkeyPatch) -> None:
    made = []

    def count(*arguments: Any) -> Frame | None:
        made.append(arguments)
        return frame_around(*arguments)

    monkeypatch.setattr("addon.translate.shortcut.frame_around", count)
    payloads = [{**p, "usage": Usage(n, n).payload()} for n, p in enumerate(text_deltas(*PIECES))]
    assert plain_chunks([*payloads, chunk(finish="stop")], monkeypatch) > 1000
    assert len(made) < 30


def test_nothing_follows_the_last_event_by_a_shortcut() -> None:
    machine = translator()
    first, second, third = (events([p], done=False)[0] for p in text_deltas("a", "b", "c"))
    assert machine.feed(first, NOW)
    assert machine.feed(second, NOW)
    assert machine.abort("cut", NOW)
    assert machine.feed(third, NOW) == b""


def test_a_shortcut_is_not_taken_in_the_midst_of_an_event() -> None:
    machine = translator()
    chunks = events(text_deltas("a", "b", "c"), done=False)
    raw = machine.feed(chunks[0], NOW) + machine.feed(chunks[1], NOW)
    # The event that this begins is no JSON; with the next it makes an event of two lines.
    raw += machine.feed(b"data: {\n", NOW) + machine.feed(chunks[2], NOW) + machine.finish(NOW)
    checked = check_stream(raw)
    assert checked.outcome.text == "ab"
    assert checked.outcome.status == "failed"


@pytest.mark.parametrize("stream", ALL_STREAMS, ids=lambda stream: stream.name)
def test_a_shortcut_never_lasts_beyond_the_end(stream: Stream) -> None:
    machine = translator()
    fed(machine, [stream.raw])
    assert machine._shortcut.of_chunk is None
    assert machine._shortcut.of_read is None
    assert machine._shortcut.route is None
    assert isinstance(machine._shortcut, Shortcut)
