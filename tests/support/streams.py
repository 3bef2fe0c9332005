"""Chat Completions streams as upstreams send them, each with what must become of it.

``STREAMS`` holds one of our own making for every peculiarity that was seen in the wild. Arbitrary
ones are drawn by ``strategies.py``.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, cast

from tests.support.chat import (
    DONE,
    Json,
    ToolCall,
    Usage,
    call_deltas,
    call_stream,
    chunk,
    events,
    reasoning_deltas,
    sse,
    text_deltas,
    text_stream,
    usage_chunk,
)
from tests.support.outcome import Outcome


@dataclass(frozen=True, slots=True)
class Stream:
    """An upstream's whole answer, from first byte to the end of its body."""

    name: str
    raw: bytes
    expected: Outcome
    """What the client's response must come to."""
    call_ids: tuple[str, ...] | None = None
    """The ``call_id`` of each call, in order; None where the upstream gave none."""


TEXT: Final = "Grüße aus dem Süden: 你好, 👋🏽!"
PIECES: Final = ("Grüße aus ", "dem Süden: 你", "好, 👋🏽!")
REASONING: Final = "Erst denken, dann reden."
WRITE: Final = ToolCall("call_write", "write", '{"path": "a.txt", "content": "Grüße"}')
READ: Final = ToolCall("call_read", "read", '{"path": "b.txt"}')
USAGE: Final = Usage(prompt=120, completion=34, cached=64, reasoning=5)

SAYS: Final = Outcome(text=TEXT, usage=USAGE)
CALLS: Final = Outcome(calls=((WRITE.name, WRITE.arguments),), usage=USAGE)
BOTH: Final = Outcome(
    calls=((WRITE.name, WRITE.arguments), (READ.name, READ.arguments)), usage=USAGE
)
OPENING: Final = chunk({"role": "assistant", "content": ""})
ENDING: Final = (chunk(finish="stop"), usage_chunk(USAGE))
CALLS_ENDING: Final = (chunk(finish="tool_calls"), usage_chunk(USAGE))


def _says(name: str, payloads: Iterable[Mapping[str, object]], **expected: object) -> Stream:
    outcome = replace(SAYS, **expected)  # type: ignore[arg-type]
    return Stream(name, b"".join(events(payloads)), outcome)


def _calls(name: str, payloads: Iterable[Mapping[str, object]], *calls: ToolCall) -> Stream:
    called = tuple((call.name, call.arguments) for call in calls)
    outcome = replace(CALLS, calls=called)
    return Stream(name, b"".join(events(payloads)), outcome, tuple(call.id for call in calls))


def _part(index: int | None, **fields: object) -> Json:
    """A chunk with a piece of one tool call; ``name`` and ``arguments`` are the function's."""
    function = {name: fields.pop(name) for name in ("name", "arguments") if name in fields}
    numbered: Json = {} if index is None else {"index": index}
    return chunk({"tool_calls": [{**numbered, **fields, "function": function}]})


def _forms() -> list[Stream]:
    plain = b"".join(events(text_stream(*PIECES, usage=USAGE)))
    comment = b": keep-alive\n\n"
    fields = b"event: message\nid: 7\nretry: 3000\ndata:"
    return [
        Stream("plain", plain, SAYS),
        Stream("lines that end with CRLF", plain.replace(b"\n", b"\r\n"), SAYS),
        Stream("comments", comment + plain.replace(b"\n\n", b"\n\n" + comment), SAYS),
        Stream("comments inside an event", plain.replace(b"data:", b":\ndata:"), SAYS),
        Stream("data without a space", plain.replace(b"data: ", b"data:"), SAYS),
        Stream("other fields of an event", plain.replace(b"data:", fields), SAYS),
        Stream("ASCII escapes", _ascii(text_stream(*PIECES, usage=USAGE)), SAYS),
        Stream("no [DONE]", plain.removesuffix(DONE), SAYS),
        Stream("no blank line after [DONE]", plain.removesuffix(b"\n"), SAYS),
        Stream("no line end after [DONE]", plain.removesuffix(b"\n\n"), SAYS),
        Stream("blank lines too many", plain.replace(b"\n\n", b"\n\n\n\n"), SAYS),
    ]


def _ascii(payloads: Iterable[Mapping[str, object]]) -> bytes:
    return b"".join(f"data: {json.dumps(p)}\n\n".encode() for p in payloads) + DONE


def _texts() -> list[Stream]:
    said = text_deltas(*PIECES)
    last = text_deltas(PIECES[-1])[0]
    nothing = {"content": None, "tool_calls": None, "reasoning_content": None, "refusal": None}
    whole = chunk(finish="stop")
    whole["choices"] = [
        {
            "index": 0,
            "delta": {},
            "message": {"role": "assistant", "content": TEXT},
            "finish_reason": "stop",
        }
    ]
    return [
        _says("no opening chunk", [*said, *ENDING]),
        _says("a first chunk without choices", [_without_choices(), *said, *ENDING]),
        _says(
            "role repeated",
            [chunk({"role": "assistant", "content": piece}) for piece in PIECES] + [*ENDING],
        ),
        _says(
            "content empty and null",
            [OPENING, chunk({"content": None}), *said, chunk({"content": ""}), *ENDING],
        ),
        _says("all fields null", [chunk(nothing), *said, chunk(nothing, finish="stop"), ENDING[1]]),
        _says(
            "finish_reason with content",
            [OPENING, *said[:-1], chunk(_delta(last), finish="stop"), ENDING[1]],
        ),
        _says("finish_reason empty until the end", [_unfinished(p) for p in said] + [*ENDING]),
        _says("[DONE] without finish_reason", [OPENING, *said, usage_chunk(USAGE)]),
        _says(
            "the whole answer repeated in the last delta",
            [OPENING, *said, chunk({"content": TEXT}, finish="stop"), ENDING[1]],
        ),
        _says("the whole answer repeated as a message", [OPENING, *said, whole, ENDING[1]]),
        _says("nothing said", [OPENING, *ENDING], text=""),
        _says(
            "a refusal",
            [OPENING, chunk({"refusal": "Not "}), chunk({"refusal": "that."}), *ENDING],
            text="",
            refusal="Not that.",
        ),
    ]


def _choice(payload: Json) -> Json:
    return cast("list[Json]", payload["choices"])[0]


def _delta(payload: Json) -> Json:
    return cast("Json", _choice(payload)["delta"])


def _unfinished(payload: Json) -> Json:
    return {**payload, "choices": [{**_choice(payload), "finish_reason": ""}]}


def _without_choices() -> Json:
    return {**chunk(), "choices": []}


def _usages() -> list[Stream]:
    said = text_deltas(*PIECES)
    growing = [replace(USAGE, completion=n + 1, reasoning=0) for n in range(len(said))]
    counted = [{**p, "usage": u.payload()} for p, u in zip(said, growing, strict=True)]
    bare: Json = {"prompt_tokens": 120, "completion_tokens": 34, "total_tokens": 154}
    nulls: Json = {**bare, "prompt_tokens_details": None, "completion_tokens_details": None}
    without_details = Usage(prompt=120, completion=34)
    finish = chunk(finish="stop")
    return [
        _says("usage with finish_reason", [OPENING, *said, chunk(finish="stop", usage=USAGE)]),
        _says("usage in every chunk", [*counted, chunk(finish="stop", usage=USAGE)]),
        _says("usage in every chunk and at the end", [*counted, *ENDING]),
        _says("usage null until the end", [{**p, "usage": None} for p in said] + [*ENDING]),
        _says(
            "usage without details",
            [*said, finish, {**_without_choices(), "usage": bare}],
            usage=without_details,
        ),
        _says(
            "usage with details null",
            [*said, finish, {**_without_choices(), "usage": nulls}],
            usage=without_details,
        ),
        _says("no usage", [*said, finish], usage=Outcome().usage),
    ]


def _thoughts() -> list[Stream]:
    said = text_deltas(*PIECES)
    thought = reasoning_deltas("Erst denken, ", "dann reden.")
    other_name = reasoning_deltas("Erst denken, ", "dann reden.", field="reasoning")
    both = [chunk({**_delta(p), "content": ""}) for p in thought]
    empty = [chunk({**_delta(p), "reasoning_content": ""}) for p in said]
    final = [chunk({"reasoning_content": REASONING, "content": TEXT}), *ENDING]
    return [
        _says("reasoning_content", [OPENING, *thought, *said, *ENDING], reasoning=REASONING),
        _says("reasoning", [OPENING, *other_name, *said, *ENDING], reasoning=REASONING),
        _says("empty content beside reasoning", [*both, *said, *ENDING], reasoning=REASONING),
        _says("empty reasoning beside content", [*thought, *empty, *ENDING], reasoning=REASONING),
        _says("reasoning and content in one delta", final, reasoning=REASONING),
        _says("reasoning alone", [*thought, *ENDING], text="", reasoning=REASONING),
    ]


def _single_calls() -> list[Stream]:
    first, second = WRITE.arguments[:9], WRITE.arguments[9:]
    opened = {"id": WRITE.id, "type": "function", "name": WRITE.name}
    return [
        _calls("one call", call_stream(WRITE, usage=USAGE), WRITE),
        _calls(
            "arguments in one piece",
            [_part(0, **opened, arguments=WRITE.arguments), *CALLS_ENDING],
            WRITE,
        ),
        _calls(
            "the call with finish_reason",
            [
                chunk(_delta(_part(0, **opened, arguments=WRITE.arguments)), finish="tool_calls"),
                CALLS_ENDING[1],
            ],
            WRITE,
        ),
        _calls(
            "name after the id",
            [
                _part(0, id=WRITE.id, type="function"),
                _part(0, name=WRITE.name),
                _part(0, arguments=first),
                _part(0, arguments=second),
                *CALLS_ENDING,
            ],
            WRITE,
        ),
        _calls(
            "name after the first arguments",
            [
                _part(0, id=WRITE.id, name="", arguments=first),
                _part(0, name=WRITE.name, arguments=second),
                *CALLS_ENDING,
            ],
            WRITE,
        ),
        _calls(
            "id and name in every chunk",
            [
                _part(0, **opened, arguments=first),
                _part(0, **opened, arguments=second),
                *CALLS_ENDING,
            ],
            WRITE,
        ),
        _calls(
            "id and name empty after the first chunk",
            [
                _part(0, **opened, arguments=first),
                _part(0, id="", name="", arguments=second),
                *CALLS_ENDING,
            ],
            WRITE,
        ),
        _calls(
            "id and name null after the first chunk",
            [
                _part(0, **opened, arguments=None),
                _part(0, id=None, name=None, arguments=WRITE.arguments),
                *CALLS_ENDING,
            ],
            WRITE,
        ),
        _calls("finish_reason stop after a call", [*call_deltas(WRITE), *ENDING], WRITE),
        _calls(
            "[DONE] without finish_reason after a call",
            [*call_deltas(WRITE), usage_chunk(USAGE)],
            WRITE,
        ),
    ]


def _several_calls() -> list[Stream]:
    write, read = call_deltas(WRITE), call_deltas(READ, index=1)
    woven = [piece for pair in zip(write, read, strict=True) for piece in pair]
    together: Json = chunk(
        {
            "tool_calls": [
                {
                    "index": index,
                    "id": call.id,
                    "type": "function",
                    "function": {"name": call.name, "arguments": call.arguments},
                }
                for index, call in enumerate((WRITE, READ))
            ]
        }
    )
    no_index = [
        part
        for call in (WRITE, READ)
        for part in (
            _part(None, id=call.id, type="function", name=call.name, arguments=call.arguments[:5]),
            _part(None, arguments=call.arguments[5:]),
        )
    ]
    all_first = [part for call in (WRITE, READ) for part in call_deltas(call, index=0, pieces=1)]
    return [
        _calls("calls one after the other", [*write, *read, *CALLS_ENDING], WRITE, READ),
        _calls("calls interleaved", [*woven, *CALLS_ENDING], WRITE, READ),
        _calls("calls in one chunk", [together, *CALLS_ENDING], WRITE, READ),
        _calls("calls without index", [*no_index, *CALLS_ENDING], WRITE, READ),
        _calls("calls that all have index 0", [*all_first, *CALLS_ENDING], WRITE, READ),
    ]


def _mixed() -> list[Stream]:
    anonymous = [_part(0, name=WRITE.name, arguments=WRITE.arguments), *CALLS_ENDING]
    everything = call_stream(WRITE, READ, text=TEXT, reasoning=REASONING, usage=USAGE)
    late_text = [*call_deltas(WRITE), *text_deltas(*PIECES), *CALLS_ENDING]
    one = Stream("", b"".join(events(late_text)), replace(CALLS, text=TEXT), (WRITE.id,))
    return [
        Stream("a call without id", b"".join(events(anonymous)), CALLS),
        Stream(
            "reasoning, text and calls",
            b"".join(events(everything)),
            replace(BOTH, text=TEXT, reasoning=REASONING),
            (WRITE.id, READ.id),
        ),
        replace(one, name="text after a call"),
    ]


def _endings() -> list[Stream]:
    said = [OPENING, *text_deltas(*PIECES)]
    error: Json = {"error": {"message": "the engine fell over", "code": "internal_error"}}
    half = [*call_deltas(replace(WRITE, arguments=WRITE.arguments[:12]))]
    cut_off = replace(SAYS, status="incomplete", reason="max_output_tokens")
    failed = Outcome(text=TEXT, status="failed")
    return [
        _says(
            "finish_reason length",
            [*said, chunk(finish="length"), ENDING[1]],
            status="incomplete",
            reason="max_output_tokens",
        ),
        _says(
            "finish_reason content_filter",
            [*said, chunk(finish="content_filter"), ENDING[1]],
            status="incomplete",
            reason="content_filter",
        ),
        Stream(
            "finish_reason length within a call",
            b"".join(events([*half, chunk(finish="length"), usage_chunk(USAGE)])),
            replace(cut_off, text="", calls=((WRITE.name, WRITE.arguments[:12]),)),
            (WRITE.id,),
        ),
        Stream("cut after text", b"".join(events(said, done=False)), failed),
        Stream("cut in mid-event", b"".join(events(said, done=False)) + b'data: {"id', failed),
        Stream(
            "cut within a call",
            b"".join(events(half, done=False)),
            Outcome(calls=((WRITE.name, WRITE.arguments[:12]),), status="failed"),
            (WRITE.id,),
        ),
        Stream("cut before anything", b"", Outcome(status="failed")),
        Stream("[DONE] and nothing else", DONE, Outcome()),
        Stream("an error in the middle", b"".join([*events(said, done=False), sse(error)]), failed),
        Stream("an error and [DONE]", b"".join(events([*said, error])), failed),
        Stream(
            "not JSON in the middle",
            b"".join(events(said, done=False)) + b"data: {oops\n\n" + DONE,
            failed,
        ),
    ]


STREAMS: Final[Sequence[Stream]] = (
    *_forms(),
    *_texts(),
    *_usages(),
    *_thoughts(),
    *_single_calls(),
    *_several_calls(),
    *_mixed(),
    *_endings(),
)

FIRST_EVENT_ERROR: Final = sse(
    {"error": {"message": "too many requests", "code": "rate_limit_exceeded", "type": "x"}}
)
"""A refusal in disguise: it comes with status 200."""
