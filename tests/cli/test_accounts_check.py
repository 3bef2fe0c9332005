"""``qwen-proxy accounts check``: does each credential work, and what is to be done where not."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest

from addon.translate import PROFILES
from tests.cli.command import Command
from tests.cli.invoked import Home, Printed, failed, secrets_shown
from tests.cli.terminal import on_terminal
from tests.support.accounts import api_key_account, oauth_account
from tests.support.oauth_server import OAuthServer, Trouble
from tests.support.replies import Ending, Reply, broken, json_reply, refusal
from tests.support.upstream import Request, Upstream

KEY = "sk-0123456789abcdef"
REPLACE = "qwen-proxy accounts add --replace --label work"
MODELS = json_reply({"object": "list", "data": [{"id": "qwen3-coder-plus", "object": "model"}]})
COMPLETION = json_reply({"id": "c", "object": "chat.completion", "choices": [{"index": 0}]})


@pytest.fixture
def oauth() -> Iterator[OAuthServer]:
    with OAuthServer() as server:
        yield server


@pytest.fixture
def signed_in(home: Home, oauth: OAuthServer) -> Home:
    """Somebody whose sign-ins are renewed at the OAuth server."""
    return Home(home.folder, {"QWEN_OAUTH_BASE_URL": oauth.url})


def work(upstream: Upstream, **fields: object) -> dict[str, object]:
    """The account that most tests need."""
    return {**api_key_account(KEY, upstream.base_url, id="k", label="work"), **fields}


def result(printed: Printed) -> tuple[str, str]:
    """What was found of the only account, and what to know of it."""
    heading, row = printed.stdout.splitlines()
    assert heading.split() == ["#", "ACCOUNT", "RESULT", "WHAT", "TO", "KNOW"]
    number, name, health, *words = row.split()
    assert (number, name) == ("1", "work")
    return health, " ".join(words)


# What works


def test_a_key_that_is_taken_works(home: Home, upstream: Upstream) -> None:
    home.keeps(work(upstream))
    upstream.replies(MODELS)
    checked = home.run("accounts", "check")
    assert checked.status == 0
    assert result(checked) == ("works", "")
    (request,) = upstream.requests
    assert (request.method, request.path, request.token) == ("GET", "/v1/models", KEY)


def test_a_service_without_a_list_of_models_is_asked_in_the_words_of_the_account(
    home: Home, upstream: Upstream
) -> None:
    home.keeps(work(upstream, models=["mine"], modelMap={"mine": "qwen3-max"}))
    upstream.replies(refusal(404, None, "not found"), COMPLETION)
    assert result(home.run("accounts", "check")) == ("works", "")
    assert upstream.requests[1].json()["model"] == "qwen3-max"


@pytest.mark.parametrize(
    "found_fault",
    [
        refusal(400, "invalid_parameter_error", "parameter.enable_thinking must be set to false"),
        refusal(404, "model_not_found", "The model `qwen3-coder-plus` does not exist"),
    ],
    ids=["the question", "the model"],
)
def test_a_service_that_finds_fault_with_something_else_has_taken_the_key(
    home: Home, upstream: Upstream, found_fault: Reply
) -> None:
    home.keeps(work(upstream))
    upstream.replies(refusal(404, None, "not found"), found_fault)
    assert result(home.run("accounts", "check"))[0] == "works"


# What does not


@pytest.mark.parametrize(
    ("reply", "health", "told"),
    [
        (
            refusal(401, "invalid_api_key", f"Incorrect API key provided: {KEY}."),
            "refused",
            f"401: Incorrect API key provided: sk-0...cdef.; give it a key that works: {REPLACE}",
        ),
        (
            refusal(403, "invalid_api_key", "invalid api-key"),
            "refused",
            f"403: invalid api-key; key and endpoint do not belong together: {REPLACE}",
        ),
        (refusal(403, None, "Not for you."), "refused", "403: Not for you."),
        (
            refusal(429, "rate_limit_exceeded", "Slow down.", headers={"retry-after": "90"}),
            "limited",
            "429: Slow down.; again in 90 s",
        ),
        (refusal(402, "Arrearage", "Pay first."), "limited", "402: Pay first.; again in "),
        (
            json_reply({"error": {"code": "invalid_api_key", "message": "no"}}),
            "refused",
            "401: no; give it a key that works: ",
        ),
        (refusal(503, None, "Busy."), "unreachable", "the service fails, 503: Busy."),
        (
            Reply(302, (("location", "https://elsewhere.example/"),)),
            "unreachable",
            "it answers with a redirect (302): is its base URL right?",
        ),
        (
            Reply(200, (("content-type", "text/html"),), (b"<html>Welcome</html>",)),
            "unreachable",
            "it answers, but not as a model service: is its base URL right?",
        ),
        (broken(Ending.RESET), "unreachable", "{url} broke off ("),
        (
            refusal(401, None, f"\x1b[2Jcleared {'on and on ' * 40}"),
            "refused",
            "401: [2Jcleared on and on",
        ),
    ],
)
def test_a_refusal_is_told_with_what_to_do(
    home: Home, upstream: Upstream, reply: Reply, health: str, told: str
) -> None:
    home.keeps(work(upstream))
    upstream.replies(reply)
    checked = home.run("accounts", "check")
    assert checked.status == 1
    found, words = result(checked)
    assert found == health
    assert words.startswith(told.format(url=upstream.base_url))
    assert len(words) < 400
    assert "\x1b" not in checked.stdout
    assert secrets_shown(checked, [KEY]) == []


def test_where_nothing_is_there_the_base_url_is_questioned(home: Home, upstream: Upstream) -> None:
    home.keeps(work(upstream))
    upstream.replies(refusal(404, None, "no page"), refusal(404, None, "no page"))
    assert result(home.run("accounts", "check")) == (
        "unreachable",
        "nothing is there, 404: no page; is its base URL right?",
    )


def test_a_service_that_is_down_is_unreachable(home: Home) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/v1"
    home.keeps(api_key_account(KEY, url, label="work"))
    checked = home.run("accounts", "check")
    assert (checked.status, result(checked)) == (1, ("unreachable", f"{url} cannot be reached"))


# Sign-ins


def test_an_expired_token_is_renewed_and_kept_before_it_is_used(
    signed_in: Home, oauth: OAuthServer, upstream: Upstream
) -> None:
    stale = oauth.sign_in("work")
    account = stale.entry(label="work", baseUrl=upstream.base_url, expires=1)
    signed_in.keeps(account)
    on_disk: list[str] = []

    def answer(request: Request) -> Reply:
        on_disk.append(signed_in.kept()[0]["accessToken"])
        return MODELS if oauth.book.account_of(request.token or "") else refusal(401, None, "no")

    upstream.answers(answer)
    checked = signed_in.run("accounts", "check")
    assert result(checked) == ("works", "")
    assert on_disk == [upstream.requests[0].token]
    assert on_disk != [stale.access_token]
    assert len(oauth.book.exchanges) == 1
    assert secrets_shown(checked, [*oauth.book.secrets()]) == []


def test_a_token_that_is_refused_is_renewed_once(
    signed_in: Home, oauth: OAuthServer, upstream: Upstream
) -> None:
    account = oauth.sign_in("work").entry(label="work", baseUrl=upstream.base_url)
    signed_in.keeps(account)
    upstream.replies(refusal(401, None, "token expired"), MODELS)
    assert result(signed_in.run("accounts", "check")) == ("works", "")
    upstream.replies(refusal(401, None, "token expired"), refusal(401, None, "token expired"))
    health, told = result(signed_in.run("accounts", "check"))
    assert health == "refused"
    assert told.endswith("sign in again: qwen-proxy login --label work")
    assert len(oauth.book.exchanges) == 2


def test_a_sign_in_that_has_ended_is_noted_and_told(
    signed_in: Home, oauth: OAuthServer, upstream: Upstream
) -> None:
    ended = oauth.sign_in("work").entry(label="work", baseUrl=upstream.base_url, expires=1)
    oauth.book.end_sign_in("work")
    signed_in.keeps(ended)
    expected = ("refused", "its sign-in has ended: sign in again: qwen-proxy login --label work")
    assert result(signed_in.run("accounts", "check")) == expected
    assert signed_in.kept()[0]["requiresReauth"] is True
    asked = oauth.requests
    assert result(signed_in.run("accounts", "check")) == expected
    assert oauth.requests == asked
    assert upstream.requests == []


def test_a_sign_in_server_that_fails_ends_no_sign_in(
    signed_in: Home, oauth: OAuthServer, upstream: Upstream
) -> None:
    account = oauth.sign_in("work").entry(label="work", baseUrl=upstream.base_url, expires=1)
    signed_in.keeps(account)
    oauth.outage = Trouble.SERVER_ERROR
    health, told = result(signed_in.run("accounts", "check"))
    assert health == "unreachable"
    assert told.startswith("The token of work was not renewed: ")
    assert signed_in.kept() == [account]


def test_a_sign_in_of_the_portal_is_checked_in_the_portals_own_words(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Upstream() as upstream:
        upstream.replies(MODELS)
        # the profile goes by the host, and no test asks the real one
        monkeypatch.setattr(
            "addon.translate.profile._HOSTS",
            {r"127\.0\.0\.1": PROFILES["qwen-portal"]},
        )
        home.keeps(oauth_account("access", label="work", resource_url=upstream.base_url))
        assert result(home.run("accounts", "check")) == ("works", "")
        assert upstream.requests[0].header("x-dashscope-authtype") == "qwen-oauth"


# Several


def test_all_are_asked_at_once(home: Home, upstream: Upstream) -> None:
    names = [f"account-{number}" for number in range(5)]
    home.keeps(
        *(api_key_account(f"sk-{name}-0123456789", upstream.base_url, label=name) for name in names)
    )
    gate = upstream.gate()
    held = Reply(200, (("content-type", "application/json"),), (gate, b'{"data": []}'))
    upstream.answers(lambda _: held)

    def open_once_all_have_come() -> None:
        upstream.wait_for_requests(len(names))
        gate.open()

    opener = threading.Thread(target=open_once_all_have_come)
    opener.start()
    checked = home.run("accounts", "check")
    opener.join()
    assert checked.status == 0
    assert [line.split()[1:3] for line in checked.stdout.splitlines()[1:]] == [
        [name, "works"] for name in names
    ]


def test_one_that_does_not_work_is_enough_for_a_bad_exit_status(
    home: Home, upstream: Upstream
) -> None:
    home.keeps(
        api_key_account("sk-good-0123456789", upstream.base_url, label="good"),
        api_key_account("sk-dead-0123456789", upstream.base_url, label="dead"),
        api_key_account("sk-left-0123456789", upstream.base_url, label="left", enabled=False),
    )
    upstream.answers(
        lambda request: MODELS if "good" in (request.token or "") else refusal(401, None, "no")
    )
    checked = home.run("accounts", "check", "--json")
    assert checked.status == 1
    document = checked.json()
    assert document["works"] is False
    assert [(each["label"], each["result"]) for each in document["accounts"]] == [
        ("good", "works"),
        ("dead", "refused"),
        ("left", "disabled"),
    ]
    assert len(upstream.requests) == 2


def test_only_those_that_were_named_are_asked_disabled_or_not(
    home: Home, upstream: Upstream
) -> None:
    home.keeps(
        api_key_account("sk-good-0123456789", upstream.base_url, label="good"),
        api_key_account("sk-left-0123456789", upstream.base_url, label="left", enabled=False),
    )
    upstream.answers(lambda _: MODELS)
    checked = home.run("accounts", "check", "left", "2")
    assert checked.status == 0
    assert checked.stdout.splitlines()[1].split() == ["2", "left", "works"]
    assert [request.token for request in upstream.requests] == ["sk-left-0123456789"]


def test_where_there_is_nothing_to_check_that_is_said(home: Home, upstream: Upstream) -> None:
    assert "qwen-proxy accounts add" in failed(home.run("accounts", "check"))
    home.keeps({"label": "wrong"})
    assert "accounts[0]: needs apiKey" in failed(home.run("accounts", "check"))
    home.keeps(work(upstream, enabled=False))
    assert "every account is disabled" in failed(home.run("accounts", "check"))


def test_a_person_sees_who_is_still_asked(qwen_proxy: Command, upstream: Upstream) -> None:
    Home(qwen_proxy.home).keeps(
        api_key_account("sk-quick-0123456789", upstream.base_url, label="quick"),
        api_key_account("sk-slow-0123456789", upstream.base_url, label="slow"),
    )
    gate = upstream.gate()
    held = Reply(200, (("content-type", "application/json"),), (gate, b'{"data": []}'))
    upstream.answers(lambda request: held if "slow" in (request.token or "") else MODELS)
    with on_terminal(qwen_proxy, "accounts", "check") as terminal:
        terminal.until(r"quick +works *\n2 +slow +checking")
        gate.open()
        assert terminal.end() == 0
        terminal.until(r"slow +works")


def test_ctrl_c_leaves_a_check_at_once(qwen_proxy: Command, upstream: Upstream) -> None:
    Home(qwen_proxy.home).keeps(work(upstream))
    upstream.replies(broken(Ending.HANG))
    with on_terminal(qwen_proxy, "accounts", "check") as terminal:
        upstream.wait_for_requests(1)
        terminal.type("\x03")
        assert terminal.end() == 130
        assert "Traceback" not in terminal.seen
