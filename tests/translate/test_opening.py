"""Is the first event an answer, or a refusal in disguise?"""

from __future__ import annotations

import pytest

from addon.translate import OpeningCheck

ANSWER = b'data: {"choices": [{"index": 0, "delta": {"content": "x"}}]}\n\n'
ERROR = b'data: {"error": {"message": "Slow down.", "code": "429"}}\n\n'


def test_an_answer_is_one() -> None:
    opening = OpeningCheck().feed(ANSWER)
    assert opening is not None
    assert opening.error is None


def test_an_error_is_found_behind_comments_and_cut_in_two() -> None:
    check = OpeningCheck()
    assert check.feed(b": keep-alive\n\n" + ERROR[:20]) is None
    opening = check.feed(ERROR[20:])
    assert opening is not None
    assert opening.error is not None
    assert opening.error.message == "Slow down."


def test_only_the_first_event_counts() -> None:
    opening = OpeningCheck().feed(ANSWER + ERROR)
    assert opening is not None
    assert opening.error is None


@pytest.mark.parametrize("raw", [b"", b": only a comment\n\n", b"data:\n\n"])
def test_a_stream_that_ends_before_it_begins_is_an_error(raw: bytes) -> None:
    check = OpeningCheck()
    assert check.feed(raw) is None
    assert check.finish().error is not None


def test_an_error_without_its_blank_line_is_found_at_the_end() -> None:
    check = OpeningCheck()
    assert check.feed(ERROR.rstrip()) is None
    error = check.finish().error
    assert error is not None
    assert error.code == "429"


def test_what_is_not_json_is_an_error() -> None:
    opening = OpeningCheck().feed(b"data: <html>\n\n")
    assert opening is not None
    assert opening.error is not None
    assert "<html>" in opening.error.message


def test_done_alone_is_an_empty_answer() -> None:
    opening = OpeningCheck().feed(b"data: [DONE]\n\n")
    assert opening is not None
    assert opening.error is None
