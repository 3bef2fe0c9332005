"""Log probabilities come with the text that they are of, to clients that want them."""

from __future__ import annotations

from typing import cast

import pytest

from tests.support.chat import Json, ToolCall, call_deltas, chunk
from tests.support.oracle import CheckedStream
from tests.support.translation import answer_to, events_of_body, translator


def entry(token: str, logprob: object = -0.25, **more: object) -> Json:
    """What Chat Completions says of a token."""
    said: Json = {"token": token, "logprob": logprob, "bytes": list(token.encode())}
    return {**said, "top_logprobs": [said], **more}


def with_tokens(delta: Json, *entries: object, finish: str | None = None) -> Json:
    """A chunk that says more of the tokens of its ``delta``."""
    payload = chunk(delta, finish=finish)
    payload["choices"][0]["logprobs"] = {"content": list(entries)}  # type: ignore[index]
    return payload


def only_part(checked: CheckedStream) -> Json:
    """The part of the message that the answer is."""
    (part,) = cast("list[Json]", checked.items()[0]["content"])
    return part


def tokens(payloads: list[Json]) -> list[list[str]]:
    """The tokens in each delta of text that comes of chunks with these ``payloads``."""
    checked = answer_to(payloads, translator(wants_logprobs=True))
    return [
        [logprob["token"] for logprob in event["logprobs"]]  # type: ignore[attr-defined]
        for event in checked.events
        if event["type"] == "response.output_text.delta"
    ]


END = chunk(finish="stop")
HELLO = [
    with_tokens({"content": "Hel"}, entry("Hel")),
    with_tokens({"content": "lo ü"}, entry("lo"), entry(" ü")),
]


def test_they_come_with_their_text_and_once_more_at_its_end() -> None:
    assert tokens([*HELLO, END]) == [["Hel"], ["lo", " ü"]]
    checked = answer_to([*HELLO, END], translator(wants_logprobs=True))
    part = only_part(checked)
    token = {"token": "Hel", "logprob": -0.25, "bytes": [72, 101, 108]}
    assert cast("list[Json]", part["logprobs"])[0] == {**token, "top_logprobs": [token]}


def test_a_client_that_does_not_want_them_gets_none() -> None:
    raw = str(answer_to([*HELLO, END]).events)
    assert "'logprobs': []" in raw
    assert "'token'" not in raw


def test_a_whole_completion_keeps_them() -> None:
    payload = with_tokens({"content": "Hello"}, entry("Hello"), finish="stop")
    choice = payload["choices"][0]  # type: ignore[index]
    choice["message"] = choice.pop("delta")
    checked = events_of_body(payload, translator(wants_logprobs=True))
    part = only_part(checked)
    assert cast("list[Json]", part["logprobs"])[0]["token"] == "Hello"


def test_tokens_that_are_all_alike_are_told_of_each_time() -> None:
    payloads = [with_tokens({"content": text}, entry("x")) for text in "abcd"]
    assert tokens([*payloads, END]) == [["x"]] * 4


def test_part_of_a_character_waits_for_the_chunk_that_has_its_text() -> None:
    first = entry("\ufffd", bytes=[195])
    halves = [with_tokens({"content": ""}, first), with_tokens({"content": "ü"}, entry("ü"))]
    assert tokens([*halves, END]) == [["\ufffd", "ü"]]


def test_half_a_character_waits_for_the_other_half() -> None:
    halves = [
        with_tokens({"content": "\ud83d"}, entry("a")),
        with_tokens({"content": "\ude00"}, entry("b")),
    ]
    assert tokens([*halves, END]) == [["a", "b"]]


def test_those_of_reasoning_and_of_calls_are_left_out() -> None:
    call = call_deltas(ToolCall("call_1", "read", "{}"))[0]
    call["choices"][0]["logprobs"] = {"content": [entry("{}")]}  # type: ignore[index]
    reasoning = with_tokens({"reasoning_content": "Hm."}, entry("Hm."))
    assert tokens([reasoning, *HELLO, call, END]) == [["Hel"], ["lo", " ü"]]


def test_those_of_a_span_of_reasoning_are_left_out() -> None:
    span = ["<think>", "Hm.", "</thi", "nk>", "\n"]
    payloads = [with_tokens({"content": piece}, entry(piece)) for piece in span]
    assert tokens([*payloads, *HELLO, END]) == [["Hel"], ["lo", " ü"]]


def test_those_of_what_only_looked_like_a_span_are_kept() -> None:
    payloads = [with_tokens({"content": piece}, entry(piece)) for piece in ("<thi", "ng>")]
    assert tokens([*payloads, END]) == [["<thi", "ng>"]]


NO_TOKENS: dict[str, object] = {
    "null": None,
    "no token": {"logprob": -1},
    "a number for a token": {"token": 1, "logprob": -1},
    "no number": {"token": "x"},
    "null for a number": {"token": "x", "logprob": None},
    "a number beyond all measure": {"token": "x", "logprob": 10**400},
}


@pytest.mark.parametrize("odd", NO_TOKENS.values(), ids=NO_TOKENS.keys())
def test_what_is_no_token_is_passed_over(odd: object) -> None:
    payload = with_tokens({"content": "x"}, odd, entry("x", top_logprobs=[odd]))
    assert tokens([payload, END]) == [["x"]]


@pytest.mark.parametrize("odd", [None, "x", [], {"content": None}, {"content": "x"}])
def test_what_is_no_list_of_tokens_is_none(odd: object) -> None:
    payload = chunk({"content": "x"})
    payload["choices"][0]["logprobs"] = odd  # type: ignore[index]
    assert tokens([payload, END]) == [[]]


@pytest.mark.parametrize("odd", [None, "x", [1.5], [300], [True]])
def test_a_token_without_bytes_has_its_own(odd: object) -> None:
    payload = with_tokens({"content": "ü"}, entry("ü", bytes=odd, top_logprobs=None))
    checked = answer_to([payload, END], translator(wants_logprobs=True))
    part = only_part(checked)
    expected = {"token": "ü", "logprob": -0.25, "bytes": [195, 188], "top_logprobs": []}
    assert part["logprobs"] == [expected]
