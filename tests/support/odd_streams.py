"""Further streams as upstreams send them: reasoning in the content, odd bodies, odd choices.

They are apart from ``streams.py`` for their number only.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final, cast

from tests.support.chat import (
    DONE,
    Json,
    Usage,
    call_deltas,
    chunk,
    completion,
    events,
    reasoning_deltas,
    sse,
    text_deltas,
    usage_chunk,
)
from tests.support.outcome import Outcome
from tests.support.streams import (
    ENDING,
    OPENING,
    PIECES,
    READ,
    REASONING,
    SAYS,
    TEXT,
    USAGE,
    WRITE,
    Stream,
)

_THOUGHT: Final = replace(SAYS, reasoning=REASONING)


def _says(name: str, *pieces: str, expected: Outcome = _THOUGHT) -> Stream:
    payloads = [OPENING, *text_deltas(*pieces), *ENDING]
    return Stream(name, b"".join(events(payloads)), expected)


def _spans() -> list[Stream]:
    whole = f"<think>{REASONING}</think>\n\n{TEXT}"
    late = f"Ja. <think>{REASONING}</think>"
    once_more = chunk({"content": whole}, finish="stop")
    repeated = [OPENING, *text_deltas(*whole), once_more, usage_chunk(USAGE)]
    called = [OPENING, *text_deltas(f"<think>{REASONING}</think>\n\n"), *call_deltas(WRITE)]
    unclosed = [OPENING, *text_deltas(f"<think>{REASONING}"), *call_deltas(WRITE), *ENDING]
    calls = ((WRITE.name, WRITE.arguments),)
    both = [
        *reasoning_deltas("Erst "),
        *text_deltas("<think>denken", f", dann reden.</think>{TEXT}"),
    ]
    return [
        _says("a span in one piece", whole),
        _says("a span cut after every character", *whole),
        _says("white space before the span", "\n", " ", whole),
        _says(
            "a span that is never closed", "<think>", REASONING, expected=replace(_THOUGHT, text="")
        ),
        _says(
            "a span cut within its closing tag",
            f"<think>{REASONING}</th",
            expected=replace(_THOUGHT, text="", reasoning=f"{REASONING}</th"),
        ),
        _says("an empty span", "<think>\n\n</think>\n\n", TEXT, expected=SAYS),
        _says(
            "an empty span in pieces", "<think>", "\n", "\n</", "think>\n\n", TEXT, expected=SAYS
        ),
        _says("nothing in the span", "<think></think>", TEXT, expected=SAYS),
        _says("a tag in the midst of the text", *late, expected=replace(SAYS, text=late)),
        _says("the beginning of a tag", "<thin", "g", expected=replace(SAYS, text="<thing")),
        _says("the beginning of a tag and no more", "<thin", expected=replace(SAYS, text="<thin")),
        _says("white space and no more", " \n", expected=replace(SAYS, text=" \n")),
        _says(
            "a tag in the reasoning",
            "<think>",
            "<think>",
            "</thin</think>",
            "x",
            expected=replace(SAYS, reasoning="<think></thin", text="x"),
        ),
        _says(
            "a closing tag in the text",
            whole,
            "</think>",
            expected=replace(_THOUGHT, text=f"{TEXT}</think>"),
        ),
        Stream("a span, all repeated", b"".join(events(repeated)), _THOUGHT),
        Stream(
            "a span and a call",
            b"".join(events([*called, *ENDING])),
            Outcome(reasoning=REASONING, calls=calls, usage=USAGE),
            (WRITE.id,),
        ),
        Stream(
            "a span that is never closed and a call",
            b"".join(events(unclosed)),
            Outcome(reasoning=REASONING, calls=calls, usage=USAGE),
            (WRITE.id,),
        ),
        Stream("reasoning and a span", b"".join(events([*both, *ENDING])), _THOUGHT),
        Stream(
            "a span in an answer that breaks off",
            b"".join(events(text_deltas("<think>Er"), done=False)),
            Outcome(reasoning="Er", status="failed"),
        ),
    ]


def _of_choice(index: int | None, payload: Json) -> Json:
    choices = [{**choice, "index": index} for choice in _choices_of(payload)]
    return {**payload, "choices": choices}


def _choices_of(payload: Json) -> list[Json]:
    return cast("list[Json]", payload["choices"])


def _choices() -> list[Stream]:
    first = [_of_choice(0, payload) for payload in text_deltas(*PIECES)]
    second = [_of_choice(1, payload) for payload in text_deltas("something ", "else ", "indeed")]
    woven = [payload for pair in zip(second, first, strict=True) for payload in pair]
    ended = [_of_choice(1, chunk(finish="length")), chunk(finish="stop")]
    beside = [
        {**a, "choices": [choice for payload in (b, a) for choice in _choices_of(payload)]}
        for a, b in zip(first, second, strict=True)
    ]
    unnumbered = [_of_choice(None, payload) for payload in first]
    all_unnumbered = [
        {**a, "choices": [*_choices_of(a), *_choices_of(_of_choice(None, b))]}
        for a, b in zip(unnumbered, second, strict=True)
    ]
    return [
        _chunks("several choices", [*woven, *ended, usage_chunk(USAGE)]),
        _chunks("several choices in one chunk", [*beside, *ended, usage_chunk(USAGE)]),
        _chunks("a choice without a number", [*unnumbered, *ENDING]),
        _chunks("several choices without numbers", [*all_unnumbered, *ENDING]),
    ]


def _repeated() -> list[Stream]:
    """All that was said comes once more at the end, where it came in one piece before."""
    called = Outcome(calls=((WRITE.name, WRITE.arguments),), usage=USAGE)
    opening, arguments = call_deltas(WRITE, pieces=1)
    again: Json = {"index": 0, "id": WRITE.id, "function": {"arguments": WRITE.arguments}}
    repeats_call = chunk({"tool_calls": [again]}, finish="tool_calls")
    laughs = replace(SAYS, text="HaHa")
    last = chunk({"content": "Ha"}, finish="stop")
    return [
        _chunks(
            "a text of one piece, repeated",
            [*text_deltas(TEXT), chunk({"content": TEXT}, finish="stop"), usage_chunk(USAGE)],
        ),
        _chunks(
            "a word that is said twice", [*text_deltas("Ha"), last, usage_chunk(USAGE)], laughs
        ),
        _chunks(
            "a text repeated behind its end", [*text_deltas(*PIECES), *ENDING, *text_deltas(TEXT)]
        ),
        Stream(
            "a call of one piece, repeated",
            b"".join(events([opening, arguments, repeats_call, usage_chunk(USAGE)])),
            called,
            (WRITE.id,),
        ),
    ]


def _chunks(name: str, payloads: Iterable[Json], expected: Outcome = SAYS) -> Stream:
    return Stream(name, b"".join(events(payloads)), expected)


def _bodies() -> list[Stream]:
    """No streams at all, though they were labelled so."""
    failed = Outcome(status="failed")
    whole = completion(TEXT, reasoning=REASONING, calls=[WRITE, READ], usage=USAGE)
    calls = tuple((call.name, call.arguments) for call in (WRITE, READ))
    answered = Outcome(TEXT, REASONING, calls=calls, usage=USAGE)
    ids = (WRITE.id, READ.id)
    error: Json = {"error": {"message": "no", "code": "c"}}
    return [
        Stream("a completion instead of a stream", json.dumps(whole).encode(), answered, ids),
        Stream("the same on many lines", json.dumps(whole, indent=1).encode(), answered, ids),
        Stream(
            "the same after a mark", b"\xef\xbb\xbf" + json.dumps(whole).encode(), answered, ids
        ),
        Stream("a completion in an event", sse(whole) + DONE, answered, ids),
        Stream("an error instead of a stream", json.dumps(error).encode(), failed),
        Stream("a page instead of a stream", b"<html><body>\n\n502\n\n</body></html>", failed),
        Stream("words instead of a stream", b"Internal Server Error", failed),
        Stream("comments and no more", b": a\n\n: b\n\n", failed),
        Stream("events without data", b"event: a\nid: 1\n\n", failed),
        Stream("empty events", b"data:\n\ndata: \n\n", failed),
        Stream("events that hold no choices", sse({"id": "x"}) + sse({"id": "y"}) + DONE, failed),
        Stream("choices that are none", sse({"choices": "x"}) + DONE, failed),
        Stream(
            "events that are no objects", b'data: 1\n\ndata: "x"\n\ndata: null\n\n' + DONE, failed
        ),
        Stream("a message instead of a chunk", sse({"message": "no"}) + DONE, failed),
        Stream(
            "usage and no more",
            sse({"usage": Usage(3, 0).payload()}) + DONE,
            Outcome(usage=Usage(3, 0)),
        ),
    ]


ODD_STREAMS: Final[Sequence[Stream]] = (*_spans(), *_choices(), *_repeated(), *_bodies())
