"""No secret gets out of a real process, with everything on that may tell one.

A mitmdump, a mitmweb and a mitmdump whose internals have changed live through all that has to do
with credentials (see ``secrets_story.py``). Then all that came out of them is searched for whole
secrets, for parts, and for what encoders make of them.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Protocol
from urllib.parse import quote

import pytest

from addon.proxy.views.content_views import VIEWS
from tests.proxy.secrets_story import EchoingOAuthServer, Story
from tests.support import changed_mitmproxy
from tests.support.chat import Json
from tests.support.proxy import ADDON, ROOT, MitmProcess, Setup
from tests.support.secrets import leaks
from tests.support.tls import CertificateAuthority
from tests.support.upstream import Upstream
from tests.support.web import WebInterface

EVERYTHING_ON: Final = {
    "termlog_verbosity": "debug",
    "proxy_debug": "true",
    "flow_detail": "4",
    "store_streamed_bodies": "true",
}


@pytest.fixture
def story(upstream: Upstream, upstream_ca: CertificateAuthority) -> Iterator[Story]:
    with EchoingOAuthServer() as oauth, Upstream(tls=upstream_ca, http2=True) as secure:
        yield Story(oauth, upstream, secure)
        oauth.book.reused.clear()  # one sign-in had ended before its token was asked for


class Started(Protocol):
    """Starts a process that ends with the ``with``; what it told is the test's to judge."""

    def __call__(
        self, program: str, script: Path = ADDON
    ) -> contextlib.AbstractContextManager[MitmProcess]: ...


@pytest.fixture
def started(
    story: Story, tmp_path: Path, confdir: Path, upstream_ca: CertificateAuthority
) -> Started:
    options = {
        **EVERYTHING_ON,
        "hardump": str(tmp_path / "flows.har"),
        "ssl_verify_upstream_trusted_ca": str(upstream_ca.certificate),
        "qwen_oauth_base_url": story.oauth.url,
        # a mitmproxy that has changed connects early otherwise, to where nobody is
        "connection_strategy": "lazy",
    }

    @contextlib.contextmanager
    def started(program: str, script: Path = ADDON) -> Iterator[MitmProcess]:
        setup = Setup(
            is_warm=False,
            program=program,
            script=script,
            accounts=story.accounts(),
            options=options,
            env={"PYTHONPATH": str(ROOT)},
            saves_flows=True,
        )
        proxy = MitmProcess(tmp_path, setup, confdir=confdir)
        proxy.start()
        try:
            yield proxy
        finally:
            proxy.stop()

    return started


def judge(story: Story, proxy: MitmProcess, shown: dict[str, bytes]) -> None:
    """Raise AssertionError where any place tells any of the secrets."""
    flows = proxy.flows_file.read_bytes()
    assert b"qwen_attempts" in flows  # bodies of refusals are among it
    assert b"qwen_inspect" in flows  # and those of answers
    answers = {f"answer {number}": answer for number, answer in enumerate(story.answers)}
    places = {**shown, **written(proxy), **answers}
    told = [f"{place}: {leak}" for place in places for leak in leaks(story.secrets, places[place])]
    assert not told, "\n".join(told)
    proxy.check()


def written(proxy: MitmProcess) -> dict[str, bytes]:
    """All that the process has printed, and every file that it can have left, but one."""
    files = [path for top in (proxy.folder, proxy.confdir) for path in top.rglob("*")]
    kept = {path: path.read_bytes() for path in files if path.is_file()}
    assert {proxy.accounts_file, proxy.flows_file, proxy.folder / "flows.har"} <= kept.keys()
    del kept[proxy.accounts_file]
    return {"its output": proxy.log.encode(), **{str(path): kept[path] for path in kept}}


def shown(web: WebInterface) -> dict[str, bytes]:
    """What mitmweb shows to whoever looks at everything."""
    flows = web.get("/flows").json()
    paths = ["/flows", "/flows/dump", "/events", "/options", "/state", "/commands"]
    paths += [path for flow in flows for path in bodies_of(flow)]
    return {path: web.get(path).content for path in paths}


def bodies_of(flow: Json) -> Iterator[str]:
    """Where the bodies of a flow are, as they are and in each of our views."""
    for name in ("request", "response"):
        message = flow.get(name)
        if isinstance(message, dict) and message.get("contentLength") is not None:
            path = f"/flows/{flow['id']}/{name}/content"
            yield f"{path}.data"
            yield from (f"{path}/{quote(view)}.json" for view in VIEWS)


def test_mitmdump_tells_none(story: Story, started: Started) -> None:
    with started("mitmdump") as proxy:
        story.happens_to(proxy)
    story.end(renewed={"expired", "refused"})
    judge(story, proxy, {})


def test_mitmweb_shows_none(story: Story, started: Started) -> None:
    with started("mitmweb") as proxy, WebInterface(proxy) as web:
        story.happens_to(proxy)
        places = shown(web)
        with story.under_way(proxy):
            flow = web.get("/flows").json()[-1]
            for path in ("/flows", "/flows/dump", *bodies_of(flow)):
                places[f"{path}, meanwhile"] = web.get(path).content
    story.end(renewed={"expired", "refused"})
    judge(story, proxy, places)


def test_a_mitmproxy_that_has_changed_tells_none(story: Story, started: Started) -> None:
    with started("mitmdump", Path(changed_mitmproxy.__file__)) as proxy:
        story.happens_to(proxy)
    story.end(renewed={"expired"})
    judge(story, proxy, {})
