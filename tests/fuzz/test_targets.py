"""A few thousand of the inputs that ``scripts/fuzz`` tries a million of, without its fuzzer."""

from __future__ import annotations

import random

import pytest

from addon.errors import ApiError
from addon.translate import StreamTranslator
from tests.fuzz import targets
from tests.fuzz.drawn import DRAWN
from tests.fuzz.mutation import mutated_json, mutated_stream
from tests.fuzz.targets import TARGETS

ROUNDS = 400


@pytest.mark.parametrize("name", TARGETS)
def test_the_inputs_that_fuzzers_begin_with_break_nothing(name: str) -> None:
    for seed in TARGETS[name].seeds:
        TARGETS[name].check(seed)


@pytest.mark.parametrize("name", TARGETS)
def test_nor_do_inputs_that_are_like_them(name: str) -> None:
    target, chance = TARGETS[name], random.Random(name)  # noqa: S311 - the same each time
    for _ in range(ROUNDS):
        data = chance.choice(target.seeds)
        for _ in range(chance.choice((1, 1, 2, 4))):
            data = target.mutate(data, chance.getrandbits(32))
        target.check(data)


@pytest.mark.parametrize("name", DRAWN)
def test_properties_can_be_drawn_from_any_bytes(name: str) -> None:
    chance = random.Random(name)  # noqa: S311
    for _ in range(20):
        DRAWN[name](chance.randbytes(2000))


def test_the_same_seed_makes_the_same_input() -> None:
    for mutate in (mutated_json, mutated_stream):
        data = b'data: {"a": [1, {"b": "c"}]}\n\ndata: [DONE]\n\n'
        assert [mutate(data, n, ["w"]) for n in range(40)] == [
            mutate(data, n, ["w"]) for n in range(40)
        ]
        assert len({mutate(data, n, ["w"]) for n in range(40)}) > 20


# --- that they can fail


def test_a_request_that_ends_in_another_error_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise ApiError(500, "server_error", "server_error", "no")

    monkeypatch.setattr(targets, "parse_request", fail)
    with pytest.raises(AssertionError):
        TARGETS["requests"].check(b"{}")


def test_a_stream_that_depends_on_how_it_is_cut_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    feed = StreamTranslator.feed

    def forgetful(self: StreamTranslator, data: bytes, now: float) -> bytes:
        return feed(self, data if len(data) > 40 else b"", now)

    monkeypatch.setattr(StreamTranslator, "feed", forgetful)
    with pytest.raises(AssertionError, match="cut to reads"):
        TARGETS["streams"].check(TARGETS["streams"].seeds[0])
