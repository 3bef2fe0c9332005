"""A real mitmdump tells how it does: to programs on its own machine, and without a trace."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import httpx2
import pytest

from tests.conftest import StartMitm
from tests.proxy.conftest import PoolWith
from tests.support.chat import events, text_stream
from tests.support.pool import COST, Pool
from tests.support.proxy import REGULAR, REVERSE, ROOT, SAFETY_SECONDS, MitmProcess, Setup
from tests.support.replies import refusal, stream_reply

LIMITED: Final = refusal(429, "rate_limit_exceeded", "Slow down.", headers={"retry-after": "900"})


def get(proxy: MitmProcess, page: str, **headers: str) -> httpx2.Response:
    with httpx2.Client(trust_env=False, timeout=SAFETY_SECONDS) as client:
        return client.get(f"{proxy.url('reverse')}/_qwen/{page}", headers=headers)


def status(proxy: MitmProcess) -> Any:
    answer = get(proxy, "status.json")
    assert answer.status_code == 200, answer.text
    return answer.json()


def by_label(proxy: MitmProcess) -> dict[str, Any]:
    return {account["label"]: account for account in status(proxy)["accounts"]}


@pytest.fixture
def pool(pool_with: PoolWith) -> Pool:
    return pool_with(rotation_strategy="hybrid")


def test_it_says_who_it_is_and_where_it_listens(pool: Pool) -> None:
    document = status(pool.proxy)
    assert document["pid"] == pool.proxy.pid
    assert document["accounts_file"] == str(pool.proxy.accounts_file)
    assert document["strategy"] == "hybrid"
    (port,) = pool.proxy.ports
    assert document["listeners"] == [{"mode": "reverse", "host": "127.0.0.1", "port": port}]
    assert (document["under_way"], document["waiting"]) == (0, 0)


def test_it_says_how_each_account_does(pool: Pool) -> None:
    pool.has(pool.fresh("limited", priority=-1), "serving")
    pool.refusing["limited"] = LIMITED
    assert pool.account_for() == "serving"

    accounts = by_label(pool.proxy)
    assert (accounts["limited"]["standing"], accounts["limited"]["reason"]) == (
        "cooling",
        "Slow down.",
    )
    assert accounts["limited"]["today"]["refused"] == 1
    assert accounts["serving"]["standing"] == "ready"
    today = accounts["serving"]["today"]
    assert (today["served"], today["input_tokens"]) == (1, COST.prompt)


def test_it_says_what_is_under_way(pool: Pool) -> None:
    pool.has("only")
    gate = pool.upstream.gate()
    pool.refusing["only"] = stream_reply([gate, *events(text_stream("Hello"))])
    with ThreadPoolExecutor() as threads:
        asking = threads.submit(pool.ask, stream=True)
        pool.upstream.wait_for_requests(1)
        document = status(pool.proxy)
        gate.open()
        assert asking.result().status_code == 200

    assert document["under_way"] == 1
    assert [account["in_flight"] for account in document["accounts"]] == [1]
    assert status(pool.proxy)["under_way"] == 0


def test_it_says_what_is_wrong_with_the_accounts_file(pool: Pool) -> None:
    pool.has("good", pool.fresh("bad", priority="high"))
    (trouble,) = status(pool.proxy)["troubles"]
    assert trouble.startswith("Left out: accounts[1].priority: ")
    pool.has("good")
    assert status(pool.proxy)["troubles"] == []
    pool.has()  # that there is none needs no words
    assert status(pool.proxy)["troubles"] == []


def test_no_credential_is_told(pool: Pool) -> None:
    pool.has("one", "other")
    text = json.dumps(status(pool.proxy))
    assert pool.proxy.secrets
    assert not [secret for secret in pool.proxy.secrets if secret in text]


def test_a_supervisor_may_ask_whether_it_is_there(pool: Pool) -> None:
    assert get(pool.proxy, "health").json() == {"status": "ok"}


STRANGE: Final[dict[str, dict[str, str]]] = {
    "a page of another origin": {"origin": "https://evil.example"},
    "a page of another site": {"sec-fetch-site": "cross-site"},
    "a name that has come to mean this machine": {"host": "evil.example"},
    "the same with a port": {"host": "evil.example:8081"},
    "no name at all": {"host": ""},
}


@pytest.mark.parametrize("headers", STRANGE.values(), ids=STRANGE)
@pytest.mark.parametrize("page", ["status.json", "health"])
def test_strangers_are_told_nothing(pool: Pool, page: str, headers: dict[str, str]) -> None:
    answer = get(pool.proxy, page, **headers)
    assert answer.status_code == 403
    assert answer.json()["error"]["code"] == "forbidden_client"


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost:{port}", "[::1]", "127.0.0.1:{port}"])
def test_it_goes_by_any_name_of_this_machine(pool: Pool, name: str) -> None:
    (port,) = pool.proxy.ports
    assert get(pool.proxy, "health", host=name.format(port=port)).status_code == 200


def test_what_is_not_there_is_said_to_be_not_there(pool: Pool) -> None:
    answer = get(pool.proxy, "nothing")
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")


def test_it_can_be_read_and_nothing_else(pool: Pool) -> None:
    with httpx2.Client(trust_env=False) as client:
        answer = client.post(f"{pool.proxy.url('reverse')}/_qwen/health", json={})
    assert (answer.status_code, answer.json()["error"]["code"]) == (405, "method_not_allowed")


def test_those_who_use_it_as_their_proxy_have_a_name_for_it(start_mitm: StartMitm) -> None:
    proxy = start_mitm(Setup(accounts=[], modes=[REGULAR]))
    with httpx2.Client(proxy=proxy.url("regular"), trust_env=False) as client:
        answer = client.get("http://qwen.internal/_qwen/status.json")
        shouted = client.get("http://QWEN.internal/_qwen/health", headers={"host": "QWEN.internal"})
        strange = client.get(
            "http://qwen.internal/_qwen/status.json", headers={"origin": "https://evil.example"}
        )
    assert answer.json()["pid"] == proxy.pid
    assert shouted.json() == {"status": "ok"}
    assert strange.status_code == 403


def test_it_leaves_no_trace_in_log_and_flows(start_mitm: StartMitm) -> None:
    proxy = start_mitm(Setup(accounts=[], modes=[REVERSE], saves_flows=True))
    assert status(proxy)["pid"] == proxy.pid
    proxy.stop()
    assert "_qwen" not in proxy.log
    assert b"_qwen" not in proxy.flows_file.read_bytes()


def test_a_note_beside_the_accounts_leads_to_it_for_as_long_as_it_runs(
    start_mitm: StartMitm,
) -> None:
    proxy = start_mitm(Setup(accounts=[]))
    folder = proxy.accounts_file.with_name(f"{proxy.accounts_file.name}.running")
    # it is left once the listeners are open, of which the start has only heard
    deadline = time.monotonic() + SAFETY_SECONDS
    while not (found := [*folder.glob("*.json")]):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    (path,) = found
    note = json.loads(path.read_text(encoding="utf-8"))
    assert note["instance"] == status(proxy)["instance"]
    assert [place["port"] for place in note["places"]] == [*proxy.ports]
    proxy.stop()
    assert not folder.exists()


def test_a_script_that_is_loaded_again_leaves_one_note_and_not_two(
    start_mitm: StartMitm, tmp_path: Path
) -> None:
    script = tmp_path / "script.py"
    text = "from addon.proxy.addon import QwenProxy\naddons = [QwenProxy()]\n"
    script.write_text(text, encoding="utf-8")
    env = {"PYTHONPATH": str(ROOT)}
    proxy = start_mitm(Setup(accounts=[], modes=[REVERSE], script=script, env=env))
    folder = proxy.accounts_file.with_name(f"{proxy.accounts_file.name}.running")
    before = status(proxy)["instance"]

    script.write_text(f"{text}\n", encoding="utf-8")
    deadline = time.monotonic() + SAFETY_SECONDS
    while status(proxy)["instance"] == before or not [*folder.glob("*.json")]:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert [each.stem for each in folder.glob("*.json")] == [status(proxy)["instance"]]
