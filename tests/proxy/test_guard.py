"""Who may use the accounts."""

from __future__ import annotations

import platform

import pytest
from mitmproxy.http import HTTPFlow

from addon.errors import ApiError
from addon.proxy.guard import NAMED_HOST, check_client
from addon.settings import Settings
from tests.proxy.flows import flow_to

URL = "https://portal.qwen.ai/v1/responses"
REVERSE = "reverse:https://portal.qwen.ai"
OPEN = Settings.model_validate({"allow_clients": ["192.168.1.0/24", "fd00::/8"]})


@pytest.mark.parametrize("client", ["127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1"])
def test_this_machine_may(client: str) -> None:
    check_client(flow_to(URL, client=client), Settings())


@pytest.mark.parametrize(
    "client", ["192.168.1.7", "10.0.0.1", "::ffff:192.168.1.7", "fe80::1%eth0", "fd00::1", ""]
)
def test_another_machine_may_not(client: str) -> None:
    with pytest.raises(ApiError, match="allow_clients") as caught:
        check_client(flow_to(URL, client=client), Settings())
    assert (caught.value.status, caught.value.code) == (403, "forbidden_client")


@pytest.mark.parametrize("client", ["192.168.1.7", "::ffff:192.168.1.7", "fd00::1"])
def test_a_machine_of_a_network_that_was_let_in_may(client: str) -> None:
    check_client(flow_to(URL, client=client), OPEN)


def test_a_machine_of_another_network_may_not_even_so() -> None:
    with pytest.raises(ApiError):
        check_client(flow_to(URL, client="192.168.2.7"), OPEN)


def test_a_client_that_passed_proxyauth_may() -> None:
    flow = flow_to(URL, client="10.0.0.1")
    flow.metadata["proxyauth"] = ("user", "password")
    check_client(flow, Settings())


STRANGE: list[tuple[str, dict[str, str]]] = [
    ("regular", {"origin": "https://evil.example"}),
    ("regular", {"origin": "null"}),
    ("regular", {"origin": "http://portal.qwen.ai"}),
    ("regular", {"origin": "https://portal.qwen.ai:8443"}),
    ("regular", {"origin": "https://[broken"}),
    ("regular", {"sec-fetch-site": "cross-site"}),
    ("regular", {"sec-fetch-site": "same-site"}),
    (REVERSE, {"origin": "http://localhost:3000"}),
    (REVERSE, {"origin": "http://evil.example:8081"}),
    (REVERSE, {"origin": "https://portal.qwen.ai"}),
    (REVERSE, {"sec-fetch-site": "same-origin"}),
]


@pytest.mark.parametrize(("mode", "headers"), STRANGE)
def test_a_page_of_another_origin_may_not(mode: str, headers: dict[str, str]) -> None:
    with pytest.raises(ApiError, match="origin") as caught:
        check_client(flow_to(URL, mode=mode, headers=headers), Settings())
    assert caught.value.code == "forbidden_client"


AT_HOME: list[tuple[str, dict[str, str]]] = [
    ("regular", {}),
    ("regular", {"origin": "https://portal.qwen.ai"}),
    ("regular", {"sec-fetch-site": "same-origin"}),
    ("regular", {"sec-fetch-site": "none"}),
    (REVERSE, {"origin": "http://127.0.0.1:8081"}),
    (REVERSE, {"origin": "http://localhost:8081"}),
    (REVERSE, {"sec-fetch-site": "none"}),
]


@pytest.mark.parametrize(("mode", "headers"), AT_HOME)
def test_programs_and_pages_at_home_may(mode: str, headers: dict[str, str]) -> None:
    check_client(flow_to(URL, mode=mode, headers=headers), Settings())


def test_in_local_mode_every_client_is_a_program_on_this_machine() -> None:
    """Whatever the address from which it would have gone out."""
    check_client(flow_to(URL, mode="local", client="192.168.1.7"), Settings())


def asked_as_a_server(
    host: str, method: str = "GET", mode: str = REVERSE, **headers: str
) -> HTTPFlow:
    """A browser's request that came in origin form, as to a server of that name."""
    headers = {"accept-language": "en-US,en;q=0.9"} | headers
    flow = flow_to(URL, method=method, mode=mode, headers=headers)
    flow.metadata[NAMED_HOST] = host
    return flow


REBOUND: list[str] = [
    "evil.example",
    "evil.example:8081",
    "127.0.0.1.evil.example",
    "localhost.evil.example",
    "1.0.0.127.in-addr.arpa",
    "local.example",
    "evil.example.",
    "[broken",
    "user@evil.example",
]


@pytest.mark.parametrize("host", REBOUND)
@pytest.mark.parametrize("mode", ["regular", REVERSE])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_under_a_name_that_a_stranger_can_have_nobody_may_ask_as_a_page_asks(
    host: str, mode: str, method: str
) -> None:
    with pytest.raises(ApiError, match="under this name") as caught:
        check_client(asked_as_a_server(host, method, mode), Settings())
    assert caught.value.code == "forbidden_client"


OWN_NAMES: list[str] = [
    "127.0.0.1:8081",
    "[::1]:8081",
    "192.168.1.7",
    "localhost",
    "LOCALHOST:8081",
    "qwen.localhost:8081",
    "qwen-proxy:8081",
    "host.docker.internal:8081",
    "desk.local",
    "desk.local.",
    "desk.lan:8081",
    "desk.home.arpa",
    platform.node(),
    "",
]


@pytest.mark.parametrize("host", OWN_NAMES)
def test_under_a_name_of_this_machines_or_none_anybody_may(host: str) -> None:
    check_client(asked_as_a_server(host), Settings())


def test_under_any_name_a_request_may_come_that_a_page_could_not_make() -> None:
    """A browser would have said the page's origin."""
    check_client(asked_as_a_server("qwen.mycompany.example", "POST"), Settings())


@pytest.mark.parametrize("mode", ["regular", REVERSE])
def test_under_any_name_a_program_may_ask(mode: str) -> None:
    """It tells no language, which no page can have its browser leave out."""
    flow = flow_to(URL, method="GET", mode=mode, headers={"accept": "*/*"})
    flow.metadata[NAMED_HOST] = "qwen.mycompany.example"
    check_client(flow, Settings())


@pytest.mark.parametrize("said", ["", "*"])
def test_whatever_a_page_has_its_browser_say_it_speaks(said: str) -> None:
    flow = asked_as_a_server("evil.example", **{"accept-language": said})
    with pytest.raises(ApiError, match="under this name"):
        check_client(flow, Settings())


def test_nor_may_a_page_say_a_strange_origin_under_it() -> None:
    flow = asked_as_a_server("evil.example", "POST", origin="http://evil.example")
    with pytest.raises(ApiError, match="origin"):
        check_client(flow, Settings())
