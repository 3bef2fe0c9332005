"""What an answer cost is read from whatever shape it passes in."""

from __future__ import annotations

import json

import pytest

from addon.translate import TokenUsage
from addon.translate.cost import CostReader
from tests.support.chat import Usage, chunk, completion, events, sse, text_stream
from tests.support.replies import compressed

COST = Usage(prompt=100, completion=20, cached=40)
READ = TokenUsage(input_tokens=100, cached_tokens=40, output_tokens=20)

STREAM = b"".join(events(text_stream("Hel", "lo", usage=COST)))
WHOLE = json.dumps(completion("Hello", usage=COST), indent=1).encode()
GROWING = b"".join(
    sse({**chunk({"content": "x"}), "usage": {"prompt_tokens": 100, "completion_tokens": count}})
    for count in (1, 2, 20)
)


def read(body: bytes, *, coding: str = "", size: int = 1_000_000) -> TokenUsage | None:
    reader = CostReader(coding)
    for start in range(0, len(body), size):
        reader.feed(body[start : start + size])
    reader.finish()
    return reader.usage


@pytest.mark.parametrize("size", [1, 7, 1_000_000])
@pytest.mark.parametrize("body", [STREAM, STREAM.rstrip(), WHOLE], ids=["stream", "cut", "whole"])
def test_a_stream_or_a_body_in_one_piece_in_pieces_of_any_size(body: bytes, size: int) -> None:
    assert read(body, size=size) == READ


def test_of_several_counts_the_last_one_holds() -> None:
    usage = read(GROWING)
    assert usage is not None
    assert (usage.input_tokens, usage.output_tokens) == (100, 20)


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd"])
def test_a_compressed_answer(coding: str) -> None:
    assert read(b"".join(compressed([STREAM], coding)), coding=coding, size=50) == READ


@pytest.mark.parametrize(
    ("body", "coding"),
    [
        (b"", ""),
        (b"<html></html>", ""),
        (b'{"usage": ', ""),
        (b'data: {"usage": null}\n\n', ""),
        (b'data: ["usage"]\n\n', ""),
        (STREAM, "compress"),
        (STREAM, "gzip"),
    ],
    ids=["nothing", "a page", "cut", "none said", "a list", "unknown coding", "not in its coding"],
)
def test_what_cannot_be_read_costs_nothing(body: bytes, coding: str) -> None:
    assert read(body, coding=coding) is None
