"""What is no answer becomes an error that tells what the upstream said."""

from __future__ import annotations

import json

import pytest

from addon.errors import ApiError
from addon.translate import OpeningCheck, translate_completion
from tests.support.chat import Json, chunk, completion, events, sse, text_stream
from tests.support.oracle import check_stream
from tests.support.translation import NOW, answer_to, events_of_body, fed, translator

PAGE = b"<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>"

BODIES: dict[str, tuple[bytes, int, str]] = {
    "nothing": (b"", 502, "is empty"),
    "white space": (b" \n\n", 502, "is empty"),
    "a page": (PAGE, 502, "not JSON, but says: 502 Bad Gateway nginx"),
    "a page in lines": (PAGE.replace(b">", b">\n\n"), 502, "502 Bad Gateway nginx"),
    "words": (b"upstream connect error", 502, "not JSON, but says: upstream connect error"),
    "words that look like an event": (b"error: overloaded", 502, "error: overloaded"),
    "bytes": (b"\xff\xfe\x00", 502, "not JSON, but says: \ufffd"),
    "half a completion": (json.dumps(completion("x")).encode()[:40], 502, 'says: {"id": "chat'),
    "JSON of another kind": (b'{"result": "ok"}', 502, 'holds no choices, but says: {"result"'),
    "an empty object": (b"{}", 502, "holds no choices"),
    "a list": (b"[1]", 502, "holds no choices"),
    "no choices": (b'{"choices": []}', 502, "holds no choices"),
    "null for choices": (b'{"choices": null}', 502, "holds no choices"),
    "choices that are none": (b'{"choices": "x"}', 502, "holds no choices"),
    "no first choice": (b'{"choices": [{"index": 1}]}', 502, "holds no choices"),
    "an error": (b'{"error": {"message": "No.", "code": "429"}}', 429, "No."),
    "an error beside choices": (b'{"choices": [], "error": "No."}', 502, "No."),
    "a list of one error": (b'[{"error": {"message": "No.", "code": 400}}]', 400, "No."),
    "a message alone": (b'{"message": "No."}', 502, "No."),
    "a message by another name": (b'{"error_code": 17, "error_msg": "No."}', 502, "No."),
    "several errors": (b'{"errors": [{"why": "No."}]}', 502, "No."),
    "DashScope's error": (b'{"code": "Throttling", "message": "No."}', 429, "No."),
    "FastAPI's error": (b'{"detail": [{"loc": ["body"], "msg": "No."}]}', 502, '"msg": "No."'),
}


@pytest.mark.parametrize(("body", "status", "words"), BODIES.values(), ids=BODIES.keys())
def test_a_body_that_is_no_answer_is_an_error(body: bytes, status: int, words: str) -> None:
    with pytest.raises(ApiError) as caught:
        translate_completion(body, translator(), NOW)
    assert words in caught.value.message
    assert caught.value.status == status


@pytest.mark.parametrize(("body", "_status", "words"), BODIES.values(), ids=BODIES.keys())
def test_under_the_label_of_a_stream_it_is_one_before_anything_is_sent(
    body: bytes, _status: int, words: str
) -> None:
    check = OpeningCheck()
    opening = check.feed(body[:7]) or check.feed(body[7:]) or check.finish()
    assert opening.error is not None
    assert words in opening.error.message


@pytest.mark.parametrize(("body", "_status", "words"), BODIES.values(), ids=BODIES.keys())
def test_fed_as_a_stream_it_fails(body: bytes, _status: int, words: str) -> None:
    checked = check_stream(fed(translator(), [body[:7], body[7:]]))
    assert checked.outcome.status == "failed"
    assert words in checked.response["error"]["message"]  # type: ignore[index]
    assert checked.items() == []


def test_a_completion_under_the_label_of_a_stream_is_an_answer() -> None:
    check = OpeningCheck()
    body = json.dumps(completion("Hello."), indent=2).encode()
    assert check.feed(body) is None
    assert check.finish().error is None
    assert check_stream(fed(translator(), [body])).outcome.text == "Hello."


def test_a_stream_under_another_label_is_an_answer() -> None:
    body = b": hello\r\n\r\n" + b"".join(events(text_stream("Hello", ".")))
    assert events_of_body(body).outcome.text == "Hello."


def test_an_error_in_a_stream_under_another_label_is_one() -> None:
    body = sse({"error": {"message": "Slow down.", "code": "429"}})
    with pytest.raises(ApiError, match=r"Slow down\.") as caught:
        translate_completion(body, translator(), NOW)
    assert caught.value.status == 429


def test_a_stream_under_another_label_that_breaks_off_ends_as_such() -> None:
    body = b"".join(events(text_stream("Hello.")[:2], done=False))
    checked = events_of_body(body)
    assert checked.outcome.text == "Hello."
    assert checked.outcome.status == "failed"


EVENTS: dict[str, tuple[Json, str]] = {
    "an error": ({"error": {"message": "No."}}, "No."),
    "an error beside a choice": ({**chunk({"content": "x"}), "error": {"message": "No."}}, "No."),
    "a text for an error": ({"error": "No."}, "No."),
    "a message": ({"object": "error", "message": "No.", "code": 400}, "No."),
    "a message alone": ({"message": "No."}, "No."),
    "detail": ({"detail": "No."}, "No."),
}


@pytest.mark.parametrize(("payload", "words"), EVENTS.values(), ids=EVENTS.keys())
def test_an_error_in_the_midst_of_a_stream_ends_it(payload: Json, words: str) -> None:
    checked = answer_to([chunk({"content": "Hel"}), payload, chunk({"content": "lo"})])
    assert checked.outcome.status == "failed"
    assert checked.outcome.text == "Hel"
    assert checked.response["error"]["message"] == words  # type: ignore[index]


def test_an_event_that_is_a_page_is_quoted_as_it_reads() -> None:
    raw = fed(translator(), [sse(chunk({"content": "x"})), b"data: " + PAGE + b"\n\n"])
    message = check_stream(raw).response["error"]["message"]  # type: ignore[index]
    assert message == "The upstream sent an event that is not JSON: 502 Bad Gateway nginx"


def test_what_is_no_json_after_the_end_does_no_harm() -> None:
    raw = fed(translator(), [sse(chunk({"content": "x"}, finish="stop")), b"data: bye\n\n"])
    assert check_stream(raw).outcome.status == "completed"


def test_a_token_in_an_error_is_masked_also_where_the_words_are_cut_short() -> None:
    secret = "sk-" + "0123456789" * 4
    for length in range(440, 500):
        payload = {"error": {"message": "x" * length + secret + " is not a key"}}
        raw = fed(translator(secret=secret), [sse(payload)])
        assert secret[:8].encode() not in raw
