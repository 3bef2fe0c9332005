"""Large answers: in one piece and in many."""

from __future__ import annotations

import gc
import json
import tracemalloc

from addon.translate.tool_names import ToolId, ToolKind
from tests.support.chat import ToolCall, call_deltas, chunk, events, sse
from tests.support.oracle import check_stream
from tests.support.translation import NOW, fed, translator

MEGABYTE = 1_000_000
END = chunk(finish="stop")


def test_an_event_of_a_megabyte_comes_through_in_small_reads() -> None:
    text = 'ü"\n' * (MEGABYTE // 4)
    raw = b"".join(events([chunk({"content": text}), END]))
    reads = [raw[place : place + 4096] for place in range(0, len(raw), 4096)]
    assert check_stream(fed(translator(), reads)).outcome.text == text


def test_an_argument_of_five_megabytes_comes_through() -> None:
    arguments = json.dumps({"content": "a line of text\n" * (5 * MEGABYTE // 16)})
    assert len(arguments) >= 5 * MEGABYTE
    for pieces in (1, 5000):
        deltas = call_deltas(ToolCall("call_1", "write", arguments), pieces=pieces)
        checked = check_stream(fed(translator(), events([*deltas, END])))
        assert checked.outcome.calls == (("write", arguments),)


def test_an_input_of_five_megabytes_comes_through() -> None:
    text = 'a "line" of text\n' * (5 * MEGABYTE // 17)
    deltas = call_deltas(ToolCall("c", "run", json.dumps({"input": text})), pieces=5000)
    machine = translator(ToolId(ToolKind.CUSTOM, "run"))
    assert check_stream(fed(machine, events([*deltas, END]))).outcome.calls == (("run", text),)


def test_the_memory_of_a_hundred_thousand_events_grows_with_the_text_alone() -> None:
    before_text, after_text = sse(chunk({"content": "@"})).split(b"@")
    machine = translator()
    machine.feed(before_text + b"the first" + after_text, NOW)
    gc.collect()
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        characters = 0
        for number in range(100_000):
            # No two are alike: the JSON parser would keep one string for all.
            word = b" word %d" % number
            characters += len(word)
            machine.feed(before_text + word + after_text, NOW)
        after, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # Beside the text there is a cache of the JSON parser's, which is soon full.
    assert after - before < characters + 1_500_000
    assert peak - before < characters + 2_000_000
    raw = machine.feed(sse(END), NOW) + machine.finish(NOW)
    assert raw.count(b" word 99999") == 4
