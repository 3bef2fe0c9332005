"""``qwen-proxy exec`` where all that leaves the machine has to go through a proxy."""

from __future__ import annotations

import base64
import json
import shlex
import shutil
from collections.abc import Iterator
from typing import Final

import pytest

from addon.cli.exec.outlet import Outlet, no_proxy_in, outlet_in
from addon.cli.failure import CommandFailed
from tests.cli.command import Command
from tests.cli.invoked import Home
from tests.support.accounts import api_key_account
from tests.support.chat import MODEL, completion
from tests.support.forward_proxy import ForwardProxy, forward_proxy
from tests.support.replies import json_reply, refusal
from tests.support.tls import CertificateAuthority
from tests.support.upstream import Upstream

KEY: Final = "sk-the-real-key-of-the-account-1234"
PORTAL: Final = "https://portal.qwen.ai/v1"
LOGIN: Final = "Basic " + base64.b64encode(b"me:p@ss").decode()
WAYS: Final = pytest.mark.parametrize(
    "base_url", ["$OPENAI_BASE_URL", PORTAL], ids=["base URL", "HTTPS proxy"]
)

pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl here")


@pytest.fixture
def portal(upstream_ca: CertificateAuthority) -> Iterator[Upstream]:
    """What the proxy of the company leads to, whatever it is asked for."""
    with Upstream(tls=upstream_ca) as portal:
        yield portal
        portal.check()


@pytest.fixture
def company(portal: Upstream) -> Iterator[ForwardProxy]:
    with forward_proxy(portal.port) as proxy:
        yield proxy


@pytest.fixture
def employee(
    qwen_proxy: Command, company: ForwardProxy, upstream_ca: CertificateAuthority
) -> Command:
    """Somebody who has set up what the company asks for: its proxy, and whom to trust."""
    env = {
        "https_proxy": f"http://me:p%40ss@127.0.0.1:{company.port}",
        "SSL_CERT_FILE": str(upstream_ca.certificate),
    }
    Home(qwen_proxy.home).keeps(api_key_account(KEY, PORTAL))
    return Command(qwen_proxy.folder, env)


def asks(person: Command, base_url: str) -> str:
    """What curl gets for a request."""
    body = shlex.quote(json.dumps({"model": MODEL, "input": "Hi"}))
    header = "-H 'content-type: application/json'"
    curl = f'curl -sS --fail-with-body "{base_url}/responses" {header} -d {body}'
    log = person.folder / "log"
    ran = person.run("exec", "--log", str(log), "--", "sh", "-c", curl)
    assert ran.returncode == 0, ran.stdout + ran.stderr + log.read_text("utf-8")
    assert ran.stderr == ""
    return ran.stdout


@WAYS
def test_our_requests_go_out_through_it(
    employee: Command, company: ForwardProxy, portal: Upstream, base_url: str
) -> None:
    portal.replies(json_reply(completion("Hi there")))
    assert "Hi there" in asks(employee, base_url)
    assert company.asked == [("portal.qwen.ai:443", LOGIN)]
    assert [request.token for request in portal.requests] == [KEY]


@WAYS
def test_a_service_on_this_machine_is_asked_directly(
    employee: Command, company: ForwardProxy, portal: Upstream, upstream: Upstream, base_url: str
) -> None:
    here = api_key_account(KEY, upstream.base_url, priority=1)
    Home(employee.home).keeps(api_key_account(KEY, PORTAL), here)
    portal.replies(refusal(429, "rate_limit_exceeded", "Too many"))
    upstream.replies(json_reply(completion("Hi from here")))
    assert "Hi from here" in asks(employee, base_url)
    assert company.asked == [("portal.qwen.ai:443", LOGIN)]


def test_other_hosts_go_out_through_it_too(
    employee: Command, company: ForwardProxy, portal: Upstream
) -> None:
    portal.replies(json_reply({"hello": "there"}))
    ran = employee.run("exec", "--", "curl", "-sk", "https://other.example/")
    assert json.loads(ran.stdout) == {"hello": "there"}
    assert company.asked == [("other.example:443", LOGIN)]


# What the environment says


@pytest.mark.parametrize(
    ("env", "outlet"),
    [
        ({}, None),
        ({"HTTPS_PROXY": ""}, None),
        ({"HTTP_PROXY": "http://a:1"}, None),
        ({"HTTPS_PROXY": "http://a:1"}, Outlet("http://a:1", "")),
        ({"HTTPS_PROXY": "http://a:1", "https_proxy": "http://b:2"}, Outlet("http://b:2", "")),
        ({"ALL_PROXY": "https://a"}, Outlet("https://a:443", "")),
        ({"https_proxy": "", "ALL_PROXY": "http://a:1"}, None),
        ({"HTTPS_PROXY": "a:8080"}, Outlet("http://a:8080", "")),
        ({"HTTPS_PROXY": "http://u:p%3A%40@[::1]:1/"}, Outlet("http://[::1]:1", "u:p:@")),
    ],
)
def test_the_proxy_is_found_as_curl_finds_it(env: dict[str, str], outlet: Outlet | None) -> None:
    assert outlet_in(env) == outlet


@pytest.mark.parametrize("url", ["socks5://a:1", "http://", "http://a:port", "http://[a:1"])
def test_one_that_cannot_be_gone_through_is_named_without_its_password(url: str) -> None:
    with pytest.raises(
        CommandFailed, match=r"^ALL_PROXY names a proxy that ours cannot go through"
    ):
        outlet_in({"ALL_PROXY": url})


def test_hosts_without_proxy_are_those_of_both_names() -> None:
    assert no_proxy_in({"NO_PROXY": "a, b", "no_proxy": "b,c"}) == "b,c,a"
    assert no_proxy_in({}) == ""
