"""The views: which body each shows, what is said where one is not there, and never an exception."""

from __future__ import annotations

import json
from typing import Any, Final, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from addon.proxy.views import content_views
from addon.proxy.views.content_views import VIEWS, Message, shown
from addon.proxy.views.record import Absence, Record
from tests.support.chat import events, text_stream

CLIENTS: Final = b'{"input":"Hi","who":"client"}'
UPSTREAMS: Final = b'{"messages":[{"role":"user","content":"Hi"}],"who":"upstream"}'
CAME: Final = b"".join(events(text_stream("Hello")))
WENT: Final = b'event: response.completed\ndata: {"type":"response.completed","response":{}}\n\n'
ATTEMPT: Final = {
    "account": "spent",
    "host": "host.example",
    "status": 403,
    "code": "insufficient_quota",
    "seconds": 0.25,
    "reason": "All is spent.",
    "body": '{"error":"spent"}',
}


def record(**fields: Any) -> Record:
    whole = {
        "route": "responses",
        "is_translated": True,
        "was_sent": True,
        "is_streamed": True,
        "request": CLIENTS,
        "request_size": len(CLIENTS),
        "came": CAME,
        "came_size": len(CAME),
        "went_size": len(WENT),
    }
    return Record.model_validate({**whole, **fields})


def request(**fields: Any) -> Message:
    return Message(is_request=True, content=UPSTREAMS, record=record(**fields))


def answer(content: bytes = WENT, **fields: Any) -> Message:
    return Message(is_request=False, content=content, record=record(**fields))


def test_each_view_shows_its_own_body() -> None:
    assert '"who": "client"' in shown("qwen client", request())
    assert '"who": "upstream"' in shown("qwen upstream", request())
    assert shown("qwen client", answer()).startswith("event: response.completed")
    assert "chat.completion.chunk" in shown("qwen upstream", answer())


def test_an_untouched_exchange_has_one_body_each_way() -> None:
    fields = {"route": "chat/completions", "is_translated": False, "request": None, "came": None}
    for view in ("qwen client", "qwen upstream"):
        assert '"who": "upstream"' in shown(view, request(**fields))
        assert "chat.completion.chunk" in shown(view, answer(CAME, went_size=len(CAME), **fields))
    assert "── user ──\nHi" in shown("qwen conversation", request(**fields))


def test_a_request_that_never_went_out() -> None:
    fields = {"was_sent": False, "is_streamed": False, "refused": "no_accounts: Sign in."}
    message = Message(is_request=True, content=CLIENTS, record=record(**fields))
    assert '"who": "client"' in shown("qwen client", message)
    assert shown("qwen upstream", message) == "# No upstream was asked."
    error = b'{"error":{"code":"no_accounts","message":"Sign in."}}'
    refused = answer(error, **fields)
    assert "── error: no_accounts: Sign in. ──" in shown("qwen conversation", refused)
    assert shown("qwen upstream", refused) == "# No upstream served it: no_accounts: Sign in."


@pytest.mark.parametrize(
    ("absence", "told"),
    [
        ("off", "# Not kept: inspect_body_limit is 0."),
        ("given up", "# Given up, for newer ones or by a smaller limit: see inspect_total_limit."),
        ("token", "# Not kept: it repeats the account's token in pieces."),
    ],
)
def test_what_is_not_there_is_said_and_why(absence: Absence, told: str) -> None:
    gone = {"absence": absence, "request": None, "came": None}
    assert shown("qwen client", request(**gone)) == told
    assert shown("qwen client", answer(b"", **gone)) == told
    assert shown("qwen upstream", answer(b"", **gone)) == told
    assert shown("qwen conversation", answer(b"", **gone)) == told


def test_every_absence_is_told_of() -> None:
    assert content_views._WHY_NOT.keys() == {*get_args(Absence)}


def test_a_conversation_is_read_from_whichever_body_is_whole() -> None:
    without = {"absence": "given up", "request": None, "came": None}
    assert "── user ──\nHi" in shown("qwen conversation", request(**without))
    cut = answer(WENT[:20])
    assert "── assistant ──\nHello" in shown("qwen conversation", cut)


def test_a_body_that_was_cut_is_shown_as_far_as_it_goes() -> None:
    cut = {"request": CLIENTS[:13], "request_size": 2_500_000}
    assert shown("qwen client", request(**cut)) == (
        "# Cut: of 2.5 MB the first 13 bytes are kept, see inspect_body_limit.\n\n"
        '{\n  "input": "Hi"'
    )


def test_a_body_that_is_not_what_it_should_be_is_shown_as_it_is() -> None:
    broken = {"request": b'{"input": oops}', "request_size": 15}
    text = shown("qwen client", request(**broken))
    assert text.startswith("# Not JSON: expected value at line 1 column ")
    assert text.endswith('\n\n{"input": oops}')


def test_the_refused_attempts_come_first() -> None:
    message = Message(False, WENT, record(), attempts=[ATTEMPT])
    line = "spent at host.example refused with 403 insufficient_quota after 0.25 s: All is spent."
    assert f"\n1. {line}" in shown("qwen conversation", message)
    upstream = shown("qwen upstream", message)
    assert upstream.startswith(f'── {line} ──\n{{\n  "error": "spent"\n}}\n\ndata: ')


def test_the_end_says_what_the_answer_does_not() -> None:
    fields: dict[str, Any] = {
        "cut": "it was silent",
        "client_left": True,
        "usage": {"input_tokens": 5},
    }
    text = shown("qwen conversation", answer(**fields))
    assert "5 tokens in (0 cached)" in text
    assert text.endswith("── cut: it was silent ──\n── the client left before the end ──")


def test_a_strangers_message_is_shown_as_it_is() -> None:
    text = shown("qwen conversation", Message(is_request=True, content=CLIENTS))
    assert text.startswith("# No exchange of this proxy's: the message as it is.\n\n")
    assert text.endswith("── user ──\nHi")


def test_a_fault_of_ours_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(content_views, "request_in", None)
    text = shown("qwen conversation", request())
    assert text.startswith("# This could not be shown (TypeError). As it is:\n\n{")


BODIES = st.binary(max_size=60) | st.sampled_from([CLIENTS, UPSTREAMS, CAME, WENT, b""])
ATTEMPTS = st.dictionaries(
    st.sampled_from([*ATTEMPT]), st.none() | st.integers() | st.text() | st.floats(), max_size=7
)
RECORDS = st.builds(
    Record,
    route=st.sampled_from(["responses", "chat/completions", "models", "?"]),
    is_translated=st.booleans(),
    was_sent=st.booleans(),
    is_streamed=st.booleans(),
    absence=st.sampled_from([None, *get_args(Absence)]),
    request=st.none() | BODIES,
    request_size=st.integers(-10, 100),
    came=st.none() | BODIES,
    came_size=st.integers(-10, 100),
    went_size=st.integers(-10, 100),
    usage=st.none() | st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
    refused=st.none() | st.text(max_size=3),
    cut=st.none() | st.text(max_size=3),
    client_left=st.booleans(),
)


@given(
    st.sampled_from([*VIEWS]),
    st.builds(
        Message,
        is_request=st.booleans(),
        content=BODIES,
        record=st.none() | RECORDS,
        attempts=st.lists(ATTEMPTS, max_size=2),
        is_under_way=st.booleans(),
    ),
)
def test_anything_is_shown(view: str, message: Message) -> None:
    text = shown(view, message)
    assert "could not be shown" not in text
    assert json.dumps(text)
    text.encode()


LARGE: Final = {
    "text": b'{"messages":[{"role":"user","content":"' + b"word " * 2_000_000 + b'"}]}',
    "an image": b'{"input":[{"role":"user","content":[{"type":"input_image","image_url":'
    b'"data:image/png;base64,' + b"A" * 10_000_000 + b'"}]}]}',
    "messages": b'{"messages":[' + b'{"role":"user","content":"Hi"},' * 300_000 + b"{}]}",
    "events": b'data: {"choices":[{"delta":{"content":"x"}}]}\n\n' * 200_000,
    "escapes": b'{"input":"' + b'\\"' * 5_000_000 + b'"}',
    "nothing of the kind": bytes(range(256)) * 40_000,
}


@pytest.mark.parametrize("body", LARGE.values(), ids=LARGE)
@pytest.mark.parametrize("view", VIEWS)
def test_of_a_large_body_a_bounded_part_is_shown(view: str, body: bytes) -> None:
    for is_request in (True, False):
        text = shown(view, Message(is_request, body))
        assert 0 < len(text) < 300_000
        assert "could not be shown" not in text
