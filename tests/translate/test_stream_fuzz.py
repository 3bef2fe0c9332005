"""Whatever an upstream sends, what the client gets is a stream by the rules."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from addon.errors import ApiError
from addon.translate import translate_completion
from addon.translate.profile import NEVER_CALLED
from addon.translate.reasoning import ReasoningMemory, Recollection
from addon.translate.tool_names import ToolId, ToolKind
from tests.support.oracle import check_stream
from tests.support.strategies import bent_streams
from tests.support.translation import NOW, fed, translator

TOOLS = (
    ToolId(ToolKind.CUSTOM, "run"),
    ToolId(ToolKind.SHELL, "shell"),
    ToolId(ToolKind.TOOL_SEARCH, "tool_search"),
    ToolId(ToolKind.FUNCTION, "send", "mail"),
)
NAMES = ("run", "shell", "tool_search", "mail__send", "read", NEVER_CALLED, "")


@settings(max_examples=400, deadline=None)
@given(bent_streams(NAMES), st.booleans(), st.booleans())
def test_any_stream_makes_a_stream_by_the_rules(
    reads: list[bytes],
    wants_logprobs: bool,
    wants_sealed_reasoning: bool,
) -> None:
    machine = translator(
        *TOOLS,
        wants_logprobs=wants_logprobs,
        wants_sealed_reasoning=wants_sealed_reasoning,
        reasoning=Recollection(memory=ReasoningMemory()),
    )
    check_stream(fed(machine, reads))


@settings(max_examples=200, deadline=None)
@given(bent_streams(NAMES), st.data())
def test_a_stream_that_is_cut_anywhere_ends_by_the_rules(
    reads: list[bytes], data: st.DataObject
) -> None:
    machine = translator(*TOOLS)
    kept = reads[: data.draw(st.integers(0, len(reads)))]
    raw = b"".join(machine.feed(read, NOW) for read in kept)
    check_stream(raw + machine.abort("cut", NOW))


@settings(max_examples=200, deadline=None)
@given(bent_streams(NAMES) | st.lists(st.binary(max_size=30), max_size=3))
def test_any_body_is_an_answer_or_an_error(reads: list[bytes]) -> None:
    try:
        raw = translate_completion(b"".join(reads), translator(*TOOLS), NOW)
    except ApiError:
        return
    check_stream(raw)
