"""A ``<think>`` span at the start of the content is reasoning, wherever it is cut."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from addon.translate.thinking import ThinkSpan, divided
from tests.support.chat import ToolCall, Usage, call_deltas, chunk, completion, text_deltas
from tests.support.translation import answer_to, events_of_body, translator

_SPACE = st.text(" \n\t", max_size=3)
_BITS = st.sampled_from(
    ["<", "<th", "<think>", "</", "</think", "think>", "</think>", " ", "a", "ü"]
)
_CONTENT = st.lists(_BITS, max_size=12).map("".join)


def spoken(pieces: list[str]) -> tuple[str, str]:
    """The reasoning and the text in a content that comes in ``pieces``."""
    span = ThinkSpan()
    all_spoken = [spoken for piece in pieces for spoken in span.feed(piece)] + span.release()
    assert all(piece for _, piece in all_spoken)
    return (
        "".join(piece for kind, piece in all_spoken if kind == "reasoning"),
        "".join(piece for kind, piece in all_spoken if kind == "text"),
    )


def plainly(content: str) -> tuple[str, str]:
    """The same, by the plainest rule there is."""
    if not content.lstrip().startswith("<think>"):
        return "", content
    reasoning, _, text = content.lstrip().removeprefix("<think>").partition("</think>")
    return "" if reasoning.isspace() else reasoning, text.lstrip()


@given(_CONTENT, st.lists(st.integers(0, 80), max_size=8).map(sorted))
def test_wherever_the_content_is_cut_it_is_divided_alike(content: str, cuts: list[int]) -> None:
    pieces = [content[a:b] for a, b in zip([0, *cuts], [*cuts, None], strict=True)]
    assert spoken([piece for piece in pieces if piece]) == plainly(content)
    assert divided(content) == plainly(content)


@given(_SPACE, st.text(), _SPACE, st.text())
def test_a_span_is_taken_out_of_the_content(
    before: str, reasoning: str, between: str, text: str
) -> None:
    content = f"{before}<think>{reasoning}</think>{between}{text}"
    assert spoken(list(content)) == plainly(content)


def test_white_space_that_thought_begins_with_is_kept() -> None:
    assert spoken(["<think>", "\n", " ", "Hm.", "\n", "</think>", "\n"]) == ("\n Hm.\n", "")


def test_a_whole_completion_is_divided_likewise() -> None:
    outcome = events_of_body(completion("<think>\nHm.</think>\n\nHello.")).outcome
    assert (outcome.reasoning, outcome.text) == ("\nHm.", "Hello.")


def test_what_waits_for_its_rest_comes_before_a_call() -> None:
    call = ToolCall("call_1", "read", "{}")
    checked = answer_to([*text_deltas("<thi"), *call_deltas(call), chunk(finish="stop")])
    assert [item["type"] for item in checked.items()] == ["message", "function_call"]
    assert checked.outcome.text == "<thi"


def test_what_waits_for_its_rest_comes_before_other_reasoning() -> None:
    deltas = [{"content": "<thi"}, {"reasoning_content": "Hm."}, {"content": "nk>"}]
    checked = answer_to([*map(chunk, deltas), chunk(finish="stop")])
    assert [item["type"] for item in checked.items()] == ["message", "reasoning", "message"]
    assert checked.outcome.text == "<think>"


def test_a_span_ends_the_stream_with_its_usage() -> None:
    usage = Usage(prompt=3, completion=2, reasoning=1)
    payloads = [*text_deltas("<think>", "Hm."), chunk(finish="length", usage=usage)]
    outcome = answer_to(payloads, translator()).outcome
    assert outcome.reasoning == "Hm."
    assert outcome.reason == "max_output_tokens"
    assert outcome.usage == usage
