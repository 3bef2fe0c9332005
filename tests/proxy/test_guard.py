"""Who may use the accounts."""

from __future__ import annotations

import pytest

from addon.errors import ApiError
from addon.proxy.guard import check_client
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
