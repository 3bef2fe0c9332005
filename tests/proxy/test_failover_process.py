"""Bad weather, each row of it, on a real mitmdump: an account that serves is found unseen.

The first account is refused in one way or another, the second serves. What reaches the client
must not show it but in ``x-qwen-attempts``.
"""

from __future__ import annotations

import itertools
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx2
import pytest

from addon.accounts.lock import locked
from tests.conftest import StartMitm
from tests.support.accounts import api_key_account, write_accounts
from tests.support.chat import MODEL, Json, completion, events, sse, text_deltas, text_stream
from tests.support.oracle import check_response, check_stream
from tests.support.proxy import REGULAR, REVERSE, MitmProcess, Setup
from tests.support.recorder import SAFETY_SECONDS, Recorder
from tests.support.replies import Ending, Gate, Reply, broken, json_reply, refusal, stream_reply
from tests.support.tls import CertificateAuthority
from tests.support.upstream import Request, Upstream

BAD: Final = "sk-bad-the-key-of-the-account-that-is-refused"
WORSE: Final = "sk-worse-the-key-of-another-account-that-is"
GOOD: Final = "sk-good-the-key-of-the-account-that-serves"
PORTAL: Final = "https://portal.qwen.ai/v1/responses"

RATE_LIMITED: Final = refusal(
    429, "rate_limit_exceeded", "Slow down.", headers={"retry-after": "7"}
)
ERROR: Final[Json] = {"error": {"code": "insufficient_quota", "message": "Quota exceeded."}}
SERVED: Final = stream_reply(events(text_stream("Hel", "lo")))
SERVED_WHOLE: Final = json_reply(completion("Hello"))

REFUSALS: Final[dict[str, Reply]] = {
    "401": refusal(401, None, "invalid access token or token expired"),
    "403 quota": refusal(403, "insufficient_quota", "Free allocated quota exceeded."),
    "429": RATE_LIMITED,
    "429 with a body that is cut": Reply(429, (("content-length", "99"),), (b"{",), Ending.CUT),
    "500": refusal(500, None, "The engine fell over."),
    "503 as a page": Reply(503, (("content-type", "text/html"),), (b"<html>busy</html>",)),
    "a redirect": Reply(302, (("location", "https://elsewhere.example/"),)),
    "a reset": broken(Ending.RESET),
    "a closed connection": broken(Ending.CUT),
    "a head and nothing more": stream_reply([], ending=Ending.CUT),
    "an empty stream": stream_reply([]),
    "an error as the first event": stream_reply([sse(ERROR)]),
    "an error as the first event, cut in two": stream_reply([sse(ERROR)[:9], sse(ERROR)[9:]]),
    "an error as the first event of an endless stream": stream_reply(
        [sse(ERROR)], ending=Ending.HANG
    ),
    "an error event, compressed": stream_reply([sse(ERROR)], encoding="gzip"),
    "an unknown coding": stream_reply([b"?"], headers={"content-encoding": "compress"}),
}


@dataclass(frozen=True, slots=True)
class Rig:
    """A proxy, and the upstream that both of its accounts lead to."""

    proxy: MitmProcess
    upstream: Upstream

    def refuses(self, refused: Reply, served: Reply) -> None:
        """The first account is answered with ``refused``, the other with ``served``."""
        self.upstream.answers(lambda request: served if request.token == GOOD else refused)

    @property
    def tokens(self) -> list[str | None]:
        """The tokens in the order in which they were tried."""
        return [request.token for request in self.upstream.requests]


def two_accounts(upstream: Upstream, *, serial: int = 0) -> list[Json]:
    """Of each ``serial`` nothing is known that others have met."""
    return [
        api_key_account(BAD, upstream.base_url, id=f"bad-{serial}", label="bad", priority=-1),
        api_key_account(GOOD, upstream.base_url, id=f"good-{serial}", label="good"),
    ]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory, confdir: Path) -> Iterator[Rig]:
    """One for all tests that ask nothing special of it; see ``rig``."""
    folder = tmp_path_factory.mktemp("mitm")
    with Upstream() as upstream:
        setup = Setup(accounts=two_accounts(upstream), modes=[REVERSE, REGULAR])
        with MitmProcess(folder, setup, confdir=confdir) as proxy:
            yield Rig(proxy, upstream)


SERIALS: Final = itertools.count(1)


@pytest.fixture
def rig(shared: Rig) -> Iterator[Rig]:
    """With two accounts that never were."""
    upstream, path = shared.upstream, shared.proxy.accounts_file
    upstream.reset()
    with locked(path, timeout_seconds=SAFETY_SECONDS):
        write_accounts(path, two_accounts(upstream, serial=next(SERIALS)))
    yield shared
    upstream.check()


def ask(rig: Rig, recorder: Recorder, *, stream: bool = True) -> httpx2.Response:
    with recorder.client() as client:
        body = {"model": MODEL, "input": "Hi", "stream": stream}
        return client.post(f"{rig.proxy.base_url}/responses", json=body)


@pytest.mark.parametrize("refused", REFUSALS.values(), ids=REFUSALS)
def test_a_stream_is_served_by_the_next_account(
    refused: Reply, rig: Rig, recorder: Recorder
) -> None:
    rig.refuses(refused, SERVED)
    answer = ask(rig, recorder)
    assert check_stream(answer.content).outcome.text == "Hello"
    assert answer.headers["x-qwen-account"] == "good"
    assert answer.headers["x-qwen-attempts"] == "2"
    assert rig.tokens == [BAD, GOOD]


@pytest.mark.parametrize(
    "refused",
    [reply for name, reply in REFUSALS.items() if "event" not in name],
    ids=[name for name in REFUSALS if "event" not in name],
)
def test_a_plain_answer_is_served_by_the_next_account(
    refused: Reply, rig: Rig, recorder: Recorder
) -> None:
    rig.refuses(refused, SERVED_WHOLE)
    answer = ask(rig, recorder, stream=False)
    assert check_response(answer.json())["status"] == "completed"
    assert answer.headers["x-qwen-attempts"] == "2"


@pytest.mark.parametrize("http2", [False, True], ids=["HTTP/1.1", "HTTP/2"])
@pytest.mark.parametrize("name", ["429", "an error as the first event", "a reset"])
def test_the_connection_to_the_upstream_may_be_reused_in_between(
    name: str,
    http2: bool,
    start_mitm: StartMitm,
    upstream_ca: CertificateAuthority,
    recorder: Recorder,
) -> None:
    with Upstream(tls=upstream_ca, http2=http2) as upstream:
        options = {"ssl_verify_upstream_trusted_ca": str(upstream_ca.certificate)}
        setup = Setup(accounts=two_accounts(upstream), modes=[REGULAR], options=options)
        rig = Rig(start_mitm(setup), upstream)
        rig.refuses(REFUSALS[name], SERVED)
        with recorder.client(proxy=rig.proxy.url("regular"), ca=rig.proxy.ca, http2=http2) as http:
            body = {"model": MODEL, "input": "Hi", "stream": True}
            answers = [http.post(PORTAL, json=body) for _ in range(2)]
    assert [check_stream(answer.content).outcome.text for answer in answers] == ["Hello"] * 2
    assert answers[0].headers["x-qwen-attempts"] == "2"


def test_an_account_on_another_host_that_cannot_be_reached(
    upstream: Upstream, start_mitm: StartMitm, recorder: Recorder
) -> None:
    upstream.replies(SERVED)
    accounts = two_accounts(upstream)
    accounts[0]["baseUrl"] = "http://127.0.0.1:1/v1"
    answer = ask(Rig(start_mitm(Setup(accounts=accounts)), upstream), recorder)
    assert check_stream(answer.content).outcome.text == "Hello"
    assert answer.headers["x-qwen-attempts"] == "2"


def test_an_account_whose_host_shows_a_certificate_that_nobody_trusts(
    upstream: Upstream,
    start_mitm: StartMitm,
    upstream_ca: CertificateAuthority,
    recorder: Recorder,
) -> None:
    upstream.replies(SERVED)
    accounts = two_accounts(upstream)
    with Upstream(tls=upstream_ca) as untrusted:
        accounts[0]["baseUrl"] = untrusted.base_url
        answer = ask(Rig(start_mitm(Setup(accounts=accounts)), upstream), recorder)
        assert untrusted.requests == []
    assert check_stream(answer.content).outcome.text == "Hello"
    assert answer.headers["x-qwen-attempts"] == "2"


@pytest.fixture
def deaf_port() -> Iterator[int]:
    """A port that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield int(server.getsockname()[1])


SILENCE: Final = {"qwen_connect_timeout_seconds": "1", "qwen_first_byte_timeout_seconds": "1"}


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_an_account_whose_host_says_nothing(
    scheme: str,
    deaf_port: int,
    upstream: Upstream,
    start_mitm: StartMitm,
    recorder: Recorder,
) -> None:
    upstream.replies(SERVED)
    accounts = two_accounts(upstream)
    accounts[0]["baseUrl"] = f"{scheme}://127.0.0.1:{deaf_port}/v1"
    setup = Setup(accounts=accounts, options=SILENCE)
    answer = ask(Rig(start_mitm(setup), upstream), recorder)
    assert check_stream(answer.content).outcome.text == "Hello"
    assert answer.headers["x-qwen-attempts"] == "2"


def test_the_chat_body_is_rendered_again_for_the_next_account(
    upstream: Upstream, start_mitm: StartMitm, recorder: Recorder
) -> None:
    accounts = two_accounts(upstream)
    accounts[0]["modelMap"] = {"my-model": MODEL}
    accounts[1]["modelMap"] = {"my-model": "coder-model"}
    rig = Rig(start_mitm(Setup(accounts=accounts)), upstream)
    rig.refuses(RATE_LIMITED, SERVED)
    with recorder.client() as client:
        body = {"model": "my-model", "input": "Hi", "stream": True}
        client.post(f"{rig.proxy.base_url}/responses", json=body)
    assert [request.json()["model"] for request in upstream.requests] == [MODEL, "coder-model"]


@pytest.mark.parametrize("path", ["chat/completions", "models"])
def test_what_is_not_translated_falls_over_too(path: str, rig: Rig, recorder: Recorder) -> None:
    rig.refuses(RATE_LIMITED, json_reply({"served": True}))
    with recorder.client() as client:
        url = f"{rig.proxy.base_url}/{path}"
        messages = [{"role": "user", "content": "Hi"}]
        answer = (
            client.get(url)
            if path == "models"
            else client.post(url, json={"model": MODEL, "messages": messages})
        )
    assert answer.json() == {"served": True}
    assert answer.headers["x-qwen-attempts"] == "2"
    assert rig.tokens == [BAD, GOOD]


def chat(rig: Rig, recorder: Recorder, *, stream: bool = True) -> httpx2.Response:
    with recorder.client() as client:
        messages = [{"role": "user", "content": "Hi"}]
        body: Json = {"model": MODEL, "messages": messages, "stream": stream}
        return client.post(f"{rig.proxy.base_url}/chat/completions", json=body)


IN_DISGUISE: Final[dict[str, Reply]] = {
    name: reply for name, reply in REFUSALS.items() if name.startswith("an error")
} | {"an error in one piece": json_reply(ERROR)}


@pytest.mark.parametrize("refused", IN_DISGUISE.values(), ids=IN_DISGUISE)
def test_a_refusal_in_disguise_of_a_chat_request_falls_over_too(
    refused: Reply, rig: Rig, recorder: Recorder
) -> None:
    rig.refuses(refused, SERVED)
    answer = chat(rig, recorder)
    assert answer.content == b"".join(events(text_stream("Hel", "lo")))
    assert answer.headers["x-qwen-attempts"] == "2"


def test_where_nobody_serves_a_chat_request_it_reads_no_refusal_as_an_answer(
    rig: Rig, recorder: Recorder
) -> None:
    rig.upstream.answers(lambda _: json_reply({"error": {"message": "Boom."}}))
    answer = chat(rig, recorder, stream=False)
    assert answer.status_code == 502
    assert answer.json()["error"]["message"] == "Boom."


@pytest.mark.parametrize(
    "odd",
    [
        json_reply({"served": True}),
        stream_reply([b"data: no JSON\n\n"]),
        stream_reply([]),
        stream_reply([b"?"], headers={"content-encoding": "x-own"}),
        stream_reply([b"?"], headers={"content-encoding": "zstd"}),
    ],
    ids=["other JSON", "no JSON", "empty", "unknown coding", "not in its coding"],
)
def test_what_need_not_be_read_is_handed_on_as_it_is(odd: Reply, rig: Rig) -> None:
    rig.refuses(odd, SERVED)
    with httpx2.Client(trust_env=False, timeout=SAFETY_SECONDS) as client:
        body: Json = {"model": MODEL, "messages": [{"role": "user", "content": "Hi"}]}
        url = f"{rig.proxy.base_url}/chat/completions"
        with client.stream("POST", url, json=body) as answer:
            raw = b"".join(answer.iter_raw())
    assert raw == b"".join(piece for piece in odd.pieces if isinstance(piece, bytes))
    assert answer.headers["x-qwen-account"] == "bad"


CHAT: Final[Json] = {
    "model": MODEL,
    "messages": [{"role": "user", "content": "Hi"}],
    "stream": True,
    "stream_options": {"include_usage": True},
}


UNTOUCHED: Final = {
    "nothing": [],
    "comments alone": [b": a\n\n", b": b\n\n"],
    "no JSON": [b"data: no JSON\n\n", b"data: {}\n\n"],
    "no choices": [b'data: {"a": 1}\n\n'],
    "no events": [b"words ", b"and no more"],
    "an event of great length": [b"data: ", *[b"x" * 50_000] * 3, b"\n\n"],
    "an error that is no first event": [*events([{"choices": []}]), sse(ERROR)],
}


@pytest.mark.parametrize("label", [None, "gzip", "compress"])
def test_any_other_stream_is_handed_on_byte_for_byte(label: str | None, rig: Rig) -> None:
    """Also where it is not in the coding that its label names."""
    headers = {"content-encoding": label} if label else None
    with httpx2.Client(base_url=rig.proxy.base_url, trust_env=False) as client:
        for name, pieces in UNTOUCHED.items():
            rig.refuses(stream_reply(pieces, headers=headers), SERVED)
            with client.stream("POST", "/chat/completions", json=CHAT) as answer:
                assert b"".join(answer.iter_raw()) == b"".join(pieces), name
    assert set(rig.tokens) == {BAD}


def test_a_long_beginning_is_not_held_back_to_its_end(rig: Rig) -> None:
    gate = rig.upstream.gate()
    pieces: list[bytes | Gate] = [b"data: ", b"x" * 100_000, gate, b"y\n\n"]
    rig.refuses(stream_reply(pieces), SERVED)
    with (
        httpx2.Client(base_url=rig.proxy.base_url, trust_env=False) as client,
        client.stream("POST", "/chat/completions", json=CHAT) as answer,
    ):
        raw = answer.iter_raw()
        seen = next(raw)  # or nothing would come while the gate is shut
        gate.open()
        seen += b"".join(raw)
    assert seen == b"data: " + b"x" * 100_000 + b"y\n\n"


# --- what is not tried again


@pytest.mark.parametrize("status", [400, 404, 413, 422])
def test_a_fault_of_the_request_goes_to_the_client(
    status: int, rig: Rig, recorder: Recorder
) -> None:
    rig.refuses(refusal(status, "some_code", "No."), SERVED)
    answer = ask(rig, recorder)
    assert answer.status_code == status
    assert answer.json()["error"]["code"] == "some_code"
    assert rig.tokens == [BAD]


@pytest.mark.parametrize("ending", [Ending.CUT, Ending.RESET])
def test_a_stream_that_is_cut_is_ended_properly_and_not_sent_again(
    ending: Ending, rig: Rig, recorder: Recorder
) -> None:
    rig.refuses(stream_reply(map(sse, text_deltas("Hel", "lo")), ending=ending), SERVED)
    answer = ask(rig, recorder)
    stream = check_stream(answer.content)
    assert stream.outcome.status == "failed"
    assert stream.outcome.text == "Hello"
    assert rig.tokens == [BAD]


def test_a_stream_that_falls_silent_is_ended_properly(
    upstream: Upstream, start_mitm: StartMitm, recorder: Recorder
) -> None:
    upstream.replies(stream_reply(map(sse, text_deltas("Hel", "lo")), ending=Ending.HANG))
    # a stream looks at the clock when its first byte would be late, and from then on
    options = {"qwen_idle_timeout_seconds": "1", "qwen_first_byte_timeout_seconds": "2"}
    setup = Setup(accounts=two_accounts(upstream), options=options)
    answer = ask(Rig(start_mitm(setup), upstream), recorder)
    assert check_stream(answer.content).outcome.status == "failed"
    upstream.wait_for_hangup()


def test_a_later_stream_of_a_connection_that_falls_silent_is_ended_too(
    upstream: Upstream, start_mitm: StartMitm
) -> None:
    """It is looked at when the one before it would have had to be, which is over by then."""
    texts = [*map(sse, text_deltas("Hel", "lo"))]
    upstream.replies(SERVED, stream_reply(texts, ending=Ending.HANG))
    options = {"qwen_idle_timeout_seconds": "1", "qwen_first_byte_timeout_seconds": "2"}
    proxy = start_mitm(Setup(accounts=two_accounts(upstream), options=options))
    body = {"model": MODEL, "input": "Hi", "stream": True}
    with httpx2.Client(trust_env=False, timeout=30) as client:
        answers = [client.post(f"{proxy.base_url}/responses", json=body) for _ in range(2)]
    statuses = [check_stream(answer.content).outcome.status for answer in answers]
    assert statuses == ["completed", "failed"]
    assert upstream.connections == 1
    upstream.wait_for_hangup()


def test_a_refusal_that_falls_silent_counts_for_what_its_head_said(
    upstream: Upstream, start_mitm: StartMitm, recorder: Recorder
) -> None:
    head = (("content-length", "99"), ("retry-after", "900"))
    upstream.answers(lambda _: Reply(429, head, (b'{"error',), Ending.HANG))
    options = {"qwen_first_byte_timeout_seconds": "1"}
    rig = Rig(start_mitm(Setup(accounts=two_accounts(upstream), options=options)), upstream)
    answer = ask(rig, recorder)
    assert rig.tokens == [BAD, GOOD]
    assert answer.status_code == 429
    assert 880 <= int(answer.headers["retry-after"]) <= 900


def test_an_untouched_stream_that_falls_silent_is_broken_off(
    upstream: Upstream, start_mitm: StartMitm, recorder: Recorder
) -> None:
    upstream.replies(stream_reply(map(sse, text_deltas("Hel", "lo")), ending=Ending.HANG))
    options = {"qwen_idle_timeout_seconds": "1", "qwen_first_byte_timeout_seconds": "1"}
    rig = Rig(start_mitm(Setup(accounts=two_accounts(upstream), options=options)), upstream)
    with pytest.raises(httpx2.RemoteProtocolError):
        chat(rig, recorder)
    upstream.wait_for_hangup()
    rig.proxy.wait_for_log("cut: it was silent for too long")


def test_a_request_that_makes_upstreams_fail_is_tried_on_few_accounts(
    upstream: Upstream, start_mitm: StartMitm, recorder: Recorder
) -> None:
    upstream.answers(lambda _: refusal(500, "internal_error", "The engine fell over."))
    keys = [f"sk-number-{number}-of-many-keys-that-fail" for number in range(5)]
    accounts = [api_key_account(key, upstream.base_url) for key in keys]
    answer = ask(Rig(start_mitm(Setup(accounts=accounts)), upstream), recorder)
    assert answer.status_code == 500
    assert answer.json()["error"]["message"] == "The engine fell over."
    assert answer.headers["x-qwen-attempts"] == "3"
    assert len(upstream.requests) == 3


def test_where_all_are_limited_for_too_long_the_client_is_told_for_how_long(
    upstream: Upstream, start_mitm: StartMitm, recorder: Recorder
) -> None:
    waits = {BAD: "900", GOOD: "600"}

    def limited(request: Request) -> Reply:
        return refusal(429, "x", "No.", headers={"retry-after": waits[request.token or ""]})

    upstream.answers(limited)
    answer = ask(Rig(start_mitm(Setup(accounts=two_accounts(upstream))), upstream), recorder)
    assert answer.status_code == 429
    assert answer.json()["error"]["code"] == "rate_limit_exceeded"
    assert 590 <= int(answer.headers["retry-after"]) <= 600
    assert 590_000 <= int(answer.headers["retry-after-ms"]) <= 600_000
    assert len(upstream.requests) == 2


def test_where_none_can_be_reached_the_client_is_told_so(
    upstream: Upstream, start_mitm: StartMitm, recorder: Recorder
) -> None:
    accounts = two_accounts(upstream)
    for account in accounts:
        account["baseUrl"] = "http://127.0.0.1:1/v1"
    answer = ask(Rig(start_mitm(Setup(accounts=accounts)), upstream), recorder)
    assert answer.status_code == 502
    assert answer.json()["error"]["code"] == "upstream_unreachable"


def test_where_none_answers_in_time_the_client_is_told_so(
    upstream: Upstream, start_mitm: StartMitm, recorder: Recorder
) -> None:
    upstream.answers(lambda _: broken(Ending.HANG))
    setup = Setup(accounts=two_accounts(upstream), options=SILENCE)
    answer = ask(Rig(start_mitm(setup), upstream), recorder)
    assert answer.status_code == 504
    assert answer.json()["error"]["code"] == "upstream_timeout"
