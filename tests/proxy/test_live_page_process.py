"""The live page of a real mitmdump: what it is told, what may be done, and who may not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any, Final

import httpx2
import pytest

from tests.conftest import StartMitm
from tests.proxy.conftest import PoolWith
from tests.support.chat import events, text_stream
from tests.support.live_page import Visitor
from tests.support.oauth_server import OAuthServer
from tests.support.pool import Pool
from tests.support.proxy import REVERSE, SAFETY_SECONDS, MitmProcess, Setup
from tests.support.replies import refusal, stream_reply

LIMITED: Final = refusal(429, "rate_limit_exceeded", "Slow down.", headers={"retry-after": "900"})


@pytest.fixture
def pool(pool_with: PoolWith) -> Pool:
    return pool_with()


@pytest.fixture
def visitor(pool: Pool) -> Iterator[Visitor]:
    with Visitor(pool.proxy) as visitor:
        yield visitor


def refused(answer: httpx2.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


def entry(pool: Pool, label: str) -> Any:
    (found,) = (each for each in pool.entries() if each["label"] == label)
    return found


# The page


@pytest.mark.parametrize("path", ["/_qwen/", "/_qwen"])
def test_the_page_is_there(visitor: Visitor, path: str) -> None:
    answer = visitor.get(path)
    if answer.is_redirect:
        answer = visitor.get(answer.headers["location"])
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "<!doctype html>" in answer.text


def test_what_it_is_made_of_is_there_and_nothing_else(visitor: Visitor) -> None:
    page = visitor.get("/_qwen/").text
    for asset in ("page.css", "page.js", "icon.svg"):
        assert f'"/_qwen/assets/{asset}"' in page
        assert visitor.get(f"/_qwen/assets/{asset}").status_code == 200
    for strange in ("../site.py", "..%2fsite.py", "nothing.js", "", "page.js/", "/page.js"):
        assert visitor.get(f"/_qwen/assets/{strange}").status_code == 404


def test_it_may_load_nothing_from_elsewhere_and_run_nothing_inline(visitor: Visitor) -> None:
    headers = visitor.get("/_qwen/").headers
    policy = headers["content-security-policy"].split("; ")
    assert {"default-src 'none'", "script-src 'self'", "frame-ancestors 'none'"} <= set(policy)
    assert not [each for each in policy if "unsafe" in each or "http" in each or "*" in each]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert headers["referrer-policy"] == "no-referrer"


def test_its_cookie_is_for_no_script_and_no_other_site(visitor: Visitor) -> None:
    cookie = visitor.get("/_qwen/").headers["set-cookie"]
    assert cookie.split("; ")[1:] == ["Path=/_qwen/", "HttpOnly", "SameSite=Strict"]


def test_a_head_has_the_length_and_no_body(visitor: Visitor) -> None:
    length = visitor.get("/_qwen/health").headers["content-length"]
    answer = visitor.ask("HEAD", "/_qwen/health")
    assert (answer.headers["content-length"], answer.content) == (length, b"")
    assert visitor.get("/_qwen/health").status_code == 200  # on the same connection
    assert visitor.ask("HEAD", "/_qwen/events").status_code == 200


def test_through_the_http_proxy_it_has_a_name_of_its_own(start_mitm: StartMitm) -> None:
    proxy = start_mitm(Setup(accounts=[]))
    with Visitor(proxy, through_it=True) as visitor:
        assert "<!doctype html>" in visitor.get("/").text
        assert visitor.get("/favicon.ico").status_code == 404
        with visitor.news() as news:
            assert news.until("proxy")["pid"] == proxy.pid


# Its news


def test_it_is_told_of_a_request_as_it_happens(pool: Pool, visitor: Visitor) -> None:
    pool.has(pool.fresh("limited", priority=-1), "serving")
    pool.refusing["limited"] = LIMITED
    gate = pool.upstream.gate()
    pool.refusing["serving"] = stream_reply([gate, *events(text_stream("Hello"))])
    with visitor.news() as news, ThreadPoolExecutor() as threads:
        assert news.head.headers["content-type"] == "text/event-stream; charset=utf-8"
        assert news.until("proxy")["under_way"] == 0
        asking = threads.submit(pool.ask, stream=True)
        assert next(d for e, d in news if e == "proxy" and d["under_way"])["accounts"]
        gate.open()
        assert asking.result().status_code == 200
        (request,) = news.until("requests")

    assert (request["account"], request["attempts"], request["ending"]) == ("serving", 2, "served")
    (attempt,) = request["refused"]
    assert (attempt["account"], attempt["kind"]) == ("limited", "429 rate_limit_exceeded")


def test_who_comes_back_hears_of_what_it_missed(pool: Pool, visitor: Visitor) -> None:
    pool.has("one")
    pool.account_for()
    with visitor.news() as news:
        known = news.until("requests")[-1]["number"]
    pool.account_for()
    pool.account_for()
    with visitor.news(**{"last-event-id": str(known)}) as news:
        assert [each["number"] for each in news.until("requests")] == [known + 1, known + 2]


def test_many_pages_may_be_open_and_the_oldest_gives_way(pool: Pool, visitor: Visitor) -> None:
    pool.has("one")
    with visitor.news() as oldest, ExitStack() as stack:
        oldest.until("sign-in")
        others = [stack.enter_context(Visitor(pool.proxy)) for _ in range(5)]
        open_ = [stack.enter_context(each.news()) for each in others]
        assert [each.until("proxy")["pid"] for each in open_] == [pool.proxy.pid] * 5
        left = [event for event, _ in oldest]  # it ends, and properly
    assert "sign-in" not in left


def test_a_page_that_is_closed_makes_room(pool: Pool, visitor: Visitor) -> None:
    pool.has("one")
    with visitor.news() as oldest:
        oldest.until("sign-in")
        for _ in range(10):
            with Visitor(pool.proxy) as other, other.news() as news:
                news.until("proxy")
        pool.account_for()
        assert oldest.until("requests")


# Its deeds


def test_an_account_is_disabled_and_enabled_for_every_process(pool: Pool, visitor: Visitor) -> None:
    pool.has(pool.fresh("first", priority=-1), "second")
    assert visitor.do("disable", entry(pool, "first")["id"]).json() == {"done": True}
    assert entry(pool, "first")["enabled"] is False
    assert pool.account_for() == "second"
    visitor.do("enable", entry(pool, "first")["id"])
    assert pool.account_for() == "first"


def test_a_cooldown_is_cleared(pool: Pool, visitor: Visitor) -> None:
    pool.has(pool.fresh("limited", priority=-1), "serving")
    pool.refusing["limited"] = LIMITED
    assert pool.account_for() == "serving"
    del pool.refusing["limited"]
    assert pool.account_for() == "serving"
    visitor.do("ask-again", entry(pool, "limited")["id"])
    assert pool.account_for() == "limited"


def test_a_body_that_nobody_asked_for_does_no_harm(start_mitm: StartMitm) -> None:
    options = {"stream_large_bodies": "5"}
    proxy = start_mitm(Setup(accounts=[], modes=[REVERSE], options=options))
    with Visitor(proxy) as visitor:
        for body in (b"twenty bytes of body", iter([b"twenty bytes", b" of body"])):
            assert refused(visitor.do("enable", "nobody", content=body)) == (404, "not_found")


def test_what_cannot_be_done_is_said(pool: Pool, visitor: Visitor) -> None:
    pool.has("one")
    id_ = entry(pool, "one")["id"]
    assert refused(visitor.do("enable", "nobody")) == (404, "not_found")
    assert refused(visitor.do("enable")) == (404, "not_found")
    assert refused(visitor.do("explode", id_)) == (404, "not_found")
    answer = visitor.do("renew", id_)
    assert refused(answer) == (409, "not_done")
    assert answer.json()["error"]["message"]


def test_a_sign_in_is_begun_shown_and_kept(start_mitm: StartMitm) -> None:
    with OAuthServer(poll_seconds=1) as server:
        options = {"qwen_oauth_base_url": server.url}
        proxy = start_mitm(Setup(accounts=[], modes=[REVERSE], options=options))
        with Visitor(proxy) as visitor, visitor.news() as news:
            assert visitor.do("sign-in").status_code == 200
            waiting = next(data for event, data in news if event == "sign-in" and data)
            assert (waiting["stage"], waiting["page"]) == ("waiting", f"{server.url}/authorize")
            assert waiting["qr"][0].startswith("1111111")
            server.decide(waiting["user_code"], "somebody")
            done = news.until("sign-in")
            assert (done["stage"], done["qr"]) == ("done", [])

        (account,) = json.loads(proxy.accounts_file.read_text("utf-8"))["accounts"]
        proxy.secrets |= {account["refreshToken"], account["accessToken"]}
        assert done["told"] == f"{account['label']} is signed in."


def test_a_sign_in_that_cannot_be_begun_is_said(start_mitm: StartMitm) -> None:
    with OAuthServer() as gone:
        pass
    options = {"qwen_oauth_base_url": gone.url}
    proxy = start_mitm(Setup(accounts=[], modes=[REVERSE], options=options))
    with Visitor(proxy) as visitor:
        assert refused(visitor.do("sign-in")) == (409, "not_done")


# Who may not


def test_news_and_deeds_are_for_a_page_of_ours_alone(pool: Pool, visitor: Visitor) -> None:
    pool.has("one")
    id_ = entry(pool, "one")["id"]
    (name,) = visitor.cookies
    for cookies in ({}, {name: ""}, {name: "x" * 43}, {"qwen_page": visitor.cookies[name]}):
        with Visitor(pool.proxy) as stranger:
            stranger.cookies = cookies
            assert refused(stranger.get("/_qwen/events")) == (403, "forbidden_client")
            assert refused(stranger.do("disable", id_)) == (403, "forbidden_client")
    assert entry(pool, "one").get("enabled", True)


STRANGE: Final[dict[str, dict[str, str]]] = {
    "no origin": {"sec-fetch-site": "same-origin"},
    "another site": {"origin": "https://evil.example", "sec-fetch-site": "cross-site"},
    "another server on this machine": {
        "origin": "http://127.0.0.1:3000",
        "sec-fetch-site": "same-site",
    },
    "the same under another name": {"origin": "http://localhost:{port}"},
    "another scheme": {"origin": "https://127.0.0.1:{port}"},
    "a page without an origin": {"origin": "null"},
    "only another site": {"origin": "http://127.0.0.1:{port}", "sec-fetch-site": "cross-site"},
    "a name that has come to mean this machine": {
        "origin": "http://evil.example:{port}",
        "host": "evil.example:{port}",
        "sec-fetch-site": "same-origin",
    },
}


@pytest.mark.parametrize("headers", STRANGE.values(), ids=STRANGE)
def test_a_deed_is_done_for_our_own_origin_alone_cookie_or_not(
    pool: Pool, visitor: Visitor, headers: dict[str, str]
) -> None:
    pool.has("one")
    (port,) = pool.proxy.ports
    sent = {name: value.format(port=port) for name, value in headers.items()}
    answer = visitor.do("disable", entry(pool, "one")["id"], headers=sent)
    assert refused(answer) == (403, "forbidden_client")
    assert entry(pool, "one").get("enabled", True)


@pytest.mark.parametrize("page", ["", "events", "metrics", "assets/page.js"])
def test_pages_of_others_are_told_nothing(visitor: Visitor, page: str) -> None:
    for headers in (
        {"origin": "https://evil.example"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"host": "evil.example"},
    ):
        answer = visitor.get(f"/_qwen/{page}", **headers)
        assert refused(answer) == (403, "forbidden_client")
        assert "set-cookie" not in answer.headers


def test_what_is_for_reading_does_nothing_and_the_other_way_round(visitor: Visitor) -> None:
    assert refused(visitor.get("/_qwen/do/enable")) == (405, "method_not_allowed")
    own = {"origin": visitor.origin}
    for page in ("", "events", "metrics", "status.json", "assets/page.js"):
        answer = visitor.ask("POST", f"/_qwen/{page}", **own)
        assert refused(answer) == (405, "method_not_allowed")


def test_a_page_of_the_last_start_is_told_to_load_again(start_mitm: StartMitm) -> None:
    first, second = (start_mitm(Setup(accounts=[], modes=[REVERSE])) for _ in range(2))
    with Visitor(first) as before, Visitor(second) as now:
        (name,) = now.cookies
        now.cookies = {name: next(iter(before.cookies.values()))}
        assert refused(now.get("/_qwen/events")) == (403, "forbidden_client")


def test_no_credential_is_on_any_page(pool: Pool, visitor: Visitor) -> None:
    pool.has("one", "other")
    pool.account_for()
    with visitor.news() as news:
        told = [next(iter(news)) for _ in range(4)]
    pages = [visitor.get(f"/_qwen/{page}").text for page in ("", "metrics", "status.json")]
    shown = json.dumps([told, pages])
    assert pool.proxy.secrets
    assert not [secret for secret in pool.proxy.secrets if secret in shown]


# Metrics


def test_prometheus_reads_it(pool: Pool, visitor: Visitor) -> None:
    pool.has("one")
    pool.account_for(stream=True)
    plain = visitor.get("/_qwen/metrics")
    assert plain.headers["content-type"].startswith("text/plain; version=")
    assert 'qwen_attempts_total{account="one",error_type=""}' in plain.text
    accept = "application/openmetrics-text; version=1.0.0"
    assert visitor.get("/_qwen/metrics", accept=accept).text.endswith("# EOF\n")


def scrape(proxy: MitmProcess) -> str:
    with httpx2.Client(trust_env=False, timeout=SAFETY_SECONDS) as client:
        return client.get(f"{proxy.url('reverse')}/_qwen/metrics").text


def test_a_scraper_needs_no_cookie(pool: Pool) -> None:
    assert "qwen_proxy_info" in scrape(pool.proxy)
