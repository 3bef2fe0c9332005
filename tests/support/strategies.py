"""hypothesis strategies: arbitrary upstream streams of valid form, and arbitrary cuts of bytes.

A stream is drawn in three steps that know nothing of each other: what the model says (a list of
moves, woven together), how its upstream words that in chunks (a style), and how the chunks travel
(line ends, comments …). What must become of it follows from the first step and the ending alone.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from hypothesis import strategies as st

from tests.support.chat import Json, ToolCall, Usage, chunk, usage_chunk
from tests.support.outcome import NO_USAGE, Outcome
from tests.support.streams import Stream

_ENDINGS: Final = {
    "stop": ("completed", None),
    "tool_calls": ("completed", None),
    "length": ("incomplete", "max_output_tokens"),
    "content_filter": ("incomplete", "content_filter"),
    None: ("completed", None),
}
"""finish_reason → status and reason of the response; None: ``[DONE]`` stands alone."""


@dataclass(frozen=True, slots=True)
class _Say:
    """The model says something: a piece of ``content`` or of thinking."""

    field: str
    piece: str


@dataclass(frozen=True, slots=True)
class _Call:
    """The model opens a call, or writes on in the arguments of one that it opened."""

    index: int
    call: ToolCall
    piece: str
    opens: bool


_Move = _Say | _Call


@dataclass(frozen=True, slots=True)
class _Style:
    """How an upstream words its chunks."""

    reasoning_field: str
    role: str
    """In which chunks ``role`` stands: ``first``, ``every``, ``none``."""
    has_nulls: bool
    """Whether fields without a value are there, as null."""
    has_index: bool
    name_comes_late: bool
    repeats_id: str
    """What later chunks of a call hold for its id: ``nothing``, ``empty``, ``again``."""
    usage: str
    """``none``, ``last``, ``finish``, ``every``."""


@dataclass(frozen=True, slots=True)
class _Travel:
    """How chunks become bytes."""

    line_end: str
    space: str
    is_ascii: bool
    comment: str
    has_done: bool


_TEXT: Final = st.text(min_size=1, max_size=12)
# White space alone, after a call, is no text: a translator may drop it.
_CONTENT: Final = _TEXT.map(lambda text: f"{text}." if text.isspace() else text)
_NAMES: Final = st.text("abcdefghijklmnopqrstuvwxyz_", min_size=1, max_size=10)
_ARGUMENTS: Final = st.dictionaries(
    st.text(max_size=5), st.none() | st.booleans() | st.integers() | _TEXT, max_size=3
).map(json.dumps)
_TOKENS: Final = st.integers(0, 5000)
_USAGE: Final = st.builds(
    lambda prompt, completion, cached, reasoning: Usage(
        prompt, completion, min(cached, prompt), min(reasoning, completion)
    ),
    _TOKENS,
    _TOKENS,
    _TOKENS,
    _TOKENS,
)
_STYLES: Final = st.builds(
    _Style,
    reasoning_field=st.sampled_from(["reasoning_content", "reasoning"]),
    role=st.sampled_from(["first", "every", "none"]),
    has_nulls=st.booleans(),
    has_index=st.booleans(),
    name_comes_late=st.booleans(),
    repeats_id=st.sampled_from(["nothing", "empty", "again"]),
    usage=st.sampled_from(["none", "last", "finish", "every"]),
)
_TRAVELS: Final = st.builds(
    _Travel,
    line_end=st.sampled_from(["\n", "\r\n"]),
    space=st.sampled_from(["", " "]),
    is_ascii=st.booleans(),
    comment=st.sampled_from(["", ":", ": keep-alive"]),
    has_done=st.booleans(),
)


def splits(raw: bytes) -> st.SearchStrategy[list[bytes]]:
    """``raw`` cut anywhere, also within a character; some pieces may be empty."""
    places = st.lists(st.integers(0, len(raw)), max_size=12).map(sorted)
    return places.map(
        lambda cuts: [raw[a:b] for a, b in zip([0, *cuts], [*cuts, len(raw)], strict=True)]
    )


@st.composite
def upstream_streams(draw: st.DrawFn) -> Stream:
    """A stream of valid form that ends as it should, with what must become of it."""
    style, travel = draw(_STYLES), draw(_TRAVELS)
    calls = draw(_calls())
    moves = draw(_moves(calls, may_weave=style.has_index))
    usage = NO_USAGE if style.usage == "none" else draw(_USAGE)
    endings = ["stop", "length", "content_filter", *(["tool_calls"] if calls else [])]
    # A stream must end in a finish_reason or in [DONE]; one that has neither was cut.
    finish = draw(st.sampled_from([*endings, *([None] if travel.has_done else [])]))
    payloads = _payloads(moves, style, usage, finish)
    status, reason = _ENDINGS[finish]
    outcome = Outcome(
        text=_said(moves, "content"),
        reasoning=_said(moves, "reasoning"),
        calls=tuple((call.name, call.arguments) for call in calls),
        status=status,
        reason=reason,
        usage=usage,
    )
    return Stream("drawn", _bytes(payloads, travel), outcome, tuple(call.id for call in calls))


@st.composite
def _calls(draw: st.DrawFn) -> list[ToolCall]:
    wanted = draw(st.lists(st.tuples(_NAMES, _ARGUMENTS), max_size=3))
    return [ToolCall(f"call_{n}", name, text) for n, (name, text) in enumerate(wanted)]


@st.composite
def _moves(draw: st.DrawFn, calls: Sequence[ToolCall], *, may_weave: bool) -> list[_Move]:
    """All that is said: thinking, content and each call in order, woven together if that may be.

    Calls open in the order of their index, as every upstream does.
    """
    sayings: list[list[_Move]] = [
        [_Say(field, piece) for piece in draw(st.lists(texts, max_size=3))]
        for field, texts in (("reasoning", _TEXT), ("content", _CONTENT))
    ]
    callings: list[list[_Move]] = [
        draw(_call_moves(index, call)) for index, call in enumerate(calls)
    ]
    if not may_weave:
        # Without an index only the order says to which call a piece of arguments belongs.
        callings = [[move for calling in callings for move in calling]]
    strands = [strand for strand in (*sayings, *callings) if strand]
    if not draw(st.booleans()):
        return [move for strand in strands for move in strand]
    woven: list[_Move] = []
    while strands:
        strand = strands[draw(st.integers(0, len(strands) - 1))]
        opened = sum(isinstance(move, _Call) and move.opens for move in woven)
        move = strand[0]
        if isinstance(move, _Call) and move.opens and move.index != opened:
            strand = next(s for s in strands if _opens(s[0], opened))
        woven.append(strand.pop(0))
        strands = [strand for strand in strands if strand]
    return woven


def _opens(move: _Move, index: int) -> bool:
    return isinstance(move, _Call) and move.opens and move.index == index


@st.composite
def _call_moves(draw: st.DrawFn, index: int, call: ToolCall) -> list[_Move]:
    pieces = [piece.decode() for piece in draw(splits(call.arguments.encode()))]
    return [
        _Call(index, call, piece, opens=number == 0)
        for number, piece in enumerate(["", *filter(None, pieces)])
    ]


def _said(moves: Sequence[_Move], field: str) -> str:
    return "".join(m.piece for m in moves if isinstance(m, _Say) and m.field == field)


def _payloads(
    moves: Sequence[_Move], style: _Style, usage: Usage, finish: str | None
) -> list[Json]:
    deltas = [delta for move in moves for delta in _deltas(move, style)]
    if style.role != "none":
        deltas = [{"content": ""}, *deltas]
    payloads = [chunk(_worded(delta, style, n)) for n, delta in enumerate(deltas)]
    if style.usage == "every":
        counted = [
            Usage(usage.prompt, min(n, usage.completion), usage.cached)
            for n in range(len(payloads))
        ]
        payloads = [
            {**payload, "usage": so_far.payload()}
            for payload, so_far in zip(payloads, counted, strict=True)
        ]
    if finish is not None:
        counts = usage if style.usage in ("finish", "every") else None
        payloads.append(chunk(finish=finish, usage=counts))
    if style.usage == "last" or (finish is None and style.usage != "none"):
        payloads.append(usage_chunk(usage))
    return payloads


def _deltas(move: _Move, style: _Style) -> list[Json]:
    match move:
        case _Say(field="reasoning", piece=piece):
            return [{style.reasoning_field: piece}]
        case _Say(field=field, piece=piece):
            return [{field: piece}]
        case _Call(opens=False):
            again = {"empty": {"id": ""}, "again": {"id": move.call.id}}.get(style.repeats_id, {})
            return [_call_delta(move, style, dict(again), {"arguments": move.piece})]
    identity: Json = {"id": move.call.id, "type": "function"}
    if style.name_comes_late:
        named: Json = {"name": move.call.name, "arguments": ""}
        return [_call_delta(move, style, identity, {}), _call_delta(move, style, {}, named)]
    return [_call_delta(move, style, identity, {"name": move.call.name, "arguments": ""})]


def _call_delta(move: _Call, style: _Style, fields: Json, function: Json) -> Json:
    index: Json = {"index": move.index} if style.has_index else {}
    return {"tool_calls": [{**index, **fields, "function": function}]}


def _worded(delta: Json, style: _Style, number: int) -> Json:
    nulls = dict.fromkeys(["content", style.reasoning_field, "tool_calls", "refusal"])
    role = style.role == "every" or (style.role == "first" and number == 0)
    return {
        **({"role": "assistant"} if role else {}),
        **(nulls if style.has_nulls else {}),
        **delta,
    }


def _bytes(payloads: Sequence[Json], travel: _Travel) -> bytes:
    end = travel.line_end
    lines = [json.dumps(payload, ensure_ascii=travel.is_ascii) for payload in payloads]
    data = [*lines, *(["[DONE]"] if travel.has_done else [])]
    comment = f"{travel.comment}{end}{end}" if travel.comment else ""
    return "".join(f"{comment}data:{travel.space}{line}{end}{end}" for line in data).encode()


_WORDS: Final = (
    "choices", "index", "delta", "message", "role", "content", "reasoning_content", "reasoning",
    "refusal", "tool_calls", "id", "type", "function", "name", "arguments", "finish_reason",
    "usage", "prompt_tokens", "completion_tokens", "logprobs", "token", "logprob", "bytes",
    "top_logprobs", "error", "code", "text", "stop", "length", "tool_calls", "<think>", "</think>",
    '{"input": "', '"}', "{}", "\ud83d", "\ude00", "", " ",
)  # fmt: skip
_VALUES: Final = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-1, 3)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(_WORDS)
    | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(_WORDS), inner, max_size=4)
    ),
    max_leaves=10,
)


def _bent(value: object, places: list[int], odd: list[object]) -> object:
    """``value`` with odd values in some of the places within it."""
    if not places or not odd:
        return value
    place = places.pop()
    if place % 4 == 0:
        return odd.pop()
    if isinstance(value, dict):
        return {name: _bent(member, places, odd) for name, member in value.items()}
    if isinstance(value, list):
        return [_bent(member, places, odd) for member in value]
    return value


@st.composite
def bent_streams(draw: st.DrawFn, names: Sequence[str]) -> list[bytes]:
    """Reads of a stream in which anything may stand anywhere; calls have one of ``names``."""
    payloads: list[object] = []
    for kind in draw(st.lists(st.sampled_from(["say", "call", "odd"]), max_size=8)):
        text = draw(st.sampled_from(_WORDS) | _TEXT)
        if kind == "say":
            payload: object = chunk({draw(st.sampled_from(["content", "reasoning"])): text})
        elif kind == "call":
            function: Json = {"name": draw(st.sampled_from(names)), "arguments": text}
            part: Json = {"index": draw(st.integers(0, 1)), "id": "call", "function": function}
            payload = chunk({"tool_calls": [part]}, finish=draw(st.none() | st.just("stop")))
        else:
            payload = draw(_VALUES)
        places = draw(st.lists(st.integers(0, 30), max_size=12))
        payloads.append(_bent(payload, places, draw(st.lists(_VALUES, max_size=2))))
    lines = [json.dumps(payload, ensure_ascii=True) for payload in payloads]
    end = draw(st.sampled_from(["", "data: [DONE]\n\n"]))
    raw = ("".join(f"data: {line}\n\n" for line in lines) + end).encode()
    if draw(st.booleans()):
        place = draw(st.integers(0, len(raw)))
        raw = raw[:place] + draw(st.binary(max_size=4)) + raw[place + draw(st.integers(0, 9)) :]
    return draw(splits(raw))
