"""Bodies on their way: taken along as they pass, up to the limit, then cut and counted."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from addon.proxy.views.kept import Kept
from addon.proxy.views.shelf import Shelf

PIECES = st.lists(st.tuples(st.binary(max_size=40), st.binary(max_size=40)), max_size=60)


def kept_of(each: int, in_all: int = 1 << 30) -> Kept:
    return Kept(Shelf(each=each, in_all=in_all))


@given(request=st.binary(max_size=400), pieces=PIECES, each=st.integers(1, 2000))
def test_each_body_is_there_from_its_beginning_and_the_rest_is_counted(
    request: bytes, pieces: list[tuple[bytes, bytes]], each: int
) -> None:
    kept = kept_of(each)
    kept.client_sent(request)
    for piece in pieces:
        kept.add(*piece)
    came, went = (b"".join(side) for side in zip(*pieces, strict=True)) if pieces else (b"", b"")
    for body, whole, lost in (
        (kept.request, request, kept.request_lost),
        (kept.came, came, kept.came_lost),
        (kept.went, went, kept.went_lost),
    ):
        assert whole.startswith(body)
        assert len(body) + lost == len(whole)
    held = len(kept.request) + len(kept.came) + len(kept.went)
    assert held <= kept.place.room <= each
    if len(request) <= each // 2 and len(request + came + went) <= each:
        assert (kept.request, kept.came, kept.went) == (request, came, went)


def test_a_request_leaves_half_of_the_room_to_its_answer() -> None:
    kept = kept_of(1000)
    kept.client_sent(b"r" * 5000)
    kept.add(b"c" * 300, b"w" * 200)
    assert (len(kept.request), len(kept.came), len(kept.went)) == (500, 300, 200)


def test_nothing_is_taken_behind_a_hole() -> None:
    kept = kept_of(100)
    kept.add(b"c" * 90, b"w" * 90)
    kept.add(b"", b"later")
    assert kept.went == b"w" * 10
    assert kept.went_lost == 80 + len(b"later")


def test_a_stream_that_is_given_up_stays_empty() -> None:
    shelf = Shelf(each=100, in_all=100)
    old, new = Kept(shelf), Kept(shelf)
    old.client_sent(b"request")
    old.add(b"came", b"went")
    new.add(b"c" * 95, b"")
    assert old.is_given_up
    old.add(b"more", b"more")
    assert (old.request, old.came, old.went) == (b"", b"", b"")
    assert (old.request_lost, old.came_lost, old.went_lost) == (7, 8, 8)
    assert len(new.came) == 95


@pytest.mark.parametrize("piece", [b"x", b"x" * 100_000])
def test_many_pieces_become_few(piece: bytes) -> None:
    kept = kept_of(1 << 30)
    count = 20_000 if len(piece) == 1 else 50
    for _ in range(count):
        kept.add(piece, b"")
    kept.add(b"x" * (2 << 20), b"")  # asks for more
    assert len(kept._came) <= 4096 + 51
    assert len(kept.came) == count * len(piece) + (2 << 20)


def test_what_comes_after_the_end_is_not_taken() -> None:
    kept = kept_of(1000)
    kept.add(b"a", b"b")
    kept.end()
    kept.add(b"c", b"d")
    assert (kept.came, kept.went) == (b"a", b"b")
