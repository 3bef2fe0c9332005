"""What the client reads of limits, and of lists of models, on a real mitmdump."""

from __future__ import annotations

from typing import Final

import httpx2
import pytest

from tests.conftest import StartMitm
from tests.support.accounts import api_key_account
from tests.support.chat import MODEL, completion
from tests.support.oracle import check_response
from tests.support.proxy import REVERSE, MitmProcess, Setup
from tests.support.recorder import Recorder
from tests.support.replies import Reply, json_reply, refusal
from tests.support.upstream import Request, Upstream

KEYS: Final = {
    "by the day": "sk-key-of-the-account-whose-day-is-over",
    "by the week": "sk-key-of-the-account-whose-week-is-over",
    "by the balance": "sk-key-of-the-account-that-nobody-paid-for",
}
SPENT: Final = {
    "by the day": refusal(403, "insufficient_quota", "Free allocated quota exceeded."),
    "by the week": refusal(429, None, "week allocated quota exceeded"),
    "by the balance": refusal(402, None, "Insufficient balance."),
}


def ask(proxy: MitmProcess, recorder: Recorder, model: str = MODEL) -> httpx2.Response:
    with recorder.client() as client:
        body = {"model": model, "input": "Hi"}
        return client.post(f"{proxy.base_url}/responses", json=body)


def test_a_spent_quota_is_a_wait_for_the_client_whatever_the_upstream_calls_it(
    upstream: Upstream, start_mitm: StartMitm, recorder: Recorder
) -> None:
    accounts = [
        api_key_account(key, upstream.base_url, models=[limit]) for limit, key in KEYS.items()
    ]
    by_key = {KEYS[limit]: reply for limit, reply in SPENT.items()}
    upstream.answers(lambda request: by_key[request.token or ""])
    # else it would be waited for, a few minutes before midnight
    options = {"qwen_max_rate_limit_wait_seconds": "0"}
    proxy = start_mitm(Setup(accounts=accounts, modes=[REVERSE], options=options))

    for limit, words in [
        ("by the day", "Free allocated quota exceeded."),
        ("by the week", "week allocated quota exceeded"),
        ("by the balance", "Insufficient balance."),
    ]:
        for _ in range(2):
            answer = ask(proxy, recorder, limit)
            assert answer.status_code == 429
            error = answer.json()["error"]
            assert (error["code"], error["type"]) == ("rate_limit_exceeded", "rate_limit_error")
            assert words in error["message"]
            assert 0 < int(answer.headers["retry-after"]) <= 7 * 86_400
            assert (
                int(answer.headers["retry-after-ms"]) <= int(answer.headers["retry-after"]) * 1000
            )
    assert len(upstream.requests) == len(KEYS)


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_service_that_lists_no_models_goes_on_serving_chat(
    status: int, upstream: Upstream, start_mitm: StartMitm, recorder: Recorder
) -> None:
    silent, lister = KEYS["by the day"], KEYS["by the week"]

    def answer_to(request: Request) -> Reply:
        if request.path.endswith("/models"):
            refused = refusal(status, None, "No such thing here.")
            return refused if request.token == silent else json_reply({"data": []})
        return json_reply(completion("Hello"))

    upstream.answers(answer_to)
    accounts = [
        api_key_account(silent, upstream.base_url, label="silent", priority=-1),
        api_key_account(lister, upstream.base_url, label="lister"),
    ]
    proxy = start_mitm(Setup(accounts=accounts, modes=[REVERSE]))

    with recorder.client() as client:
        listed = client.get(f"{proxy.base_url}/models")
    answer = ask(proxy, recorder)

    assert (listed.json(), listed.headers["x-qwen-account"]) == ({"data": []}, "lister")
    assert check_response(answer.json())["status"] == "completed"
    assert answer.headers["x-qwen-account"] == "silent"
    assert "left out" not in proxy.log


def test_where_nobody_lists_models_the_client_reads_what_the_last_one_said(
    upstream: Upstream, start_mitm: StartMitm, recorder: Recorder
) -> None:
    upstream.answers(lambda _: refusal(404, "not_found", "No such thing here."))
    accounts = [api_key_account(key, upstream.base_url) for key in KEYS.values()]
    proxy = start_mitm(Setup(accounts=accounts, modes=[REVERSE]))

    with recorder.client() as client:
        answer = client.get(f"{proxy.base_url}/models")

    assert answer.status_code == 404
    assert answer.json()["error"]["message"] == "No such thing here."
    assert len(upstream.requests) == 3
