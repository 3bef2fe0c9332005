"""Pages of strangers in the same browser: they learn nothing of the proxy, and do nothing to it.

The person has the live page open, so that its cookie is there. The strangers are a page of
another server on this machine, which is of the same site, a page whose name has come to mean
this machine (DNS rebinding), and one that the service behind the reverse listener sends: that
stands at the live page's own origin.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

import pytest
from playwright.sync_api import Browser

from tests.browser.tab import Tab, chromium, tab
from tests.conftest import StartMitm
from tests.support.accounts import api_key_account
from tests.support.proxy import MitmProcess, Setup
from tests.support.replies import Reply
from tests.support.upstream import Request, Upstream

REBOUND: Final = "evil.example"
KEY: Final = "sk-the-real-key-of-the-account-1234"

TRIES: Final = """
async (base) => {
  const told = [];
  const note = (what) => (result) => told.push([what, result]);
  const done = (what) => [note(what), () => note(what)("nothing")];
  const text = async (answer) => (await answer.text()) || "nothing";
  const deed = `${base}/_qwen/do/disable?account=mine`;
  await fetch(`${base}/_qwen/status.json`).then(text).then(...done("read"));
  await fetch(`${base}/_qwen/`, { credentials: "include" }).then(text).then(...done("page"));
  await fetch(deed, { method: "POST", credentials: "include" }).then(text).then(...done("deed"));
  await fetch(deed, { method: "POST", mode: "no-cors", credentials: "include" })
    .then(text).then(...done("blind deed"));
  await new Promise((over) => {
    const news = new EventSource(`${base}/_qwen/events`, { withCredentials: true });
    news.onmessage = news.onopen = () => { note("news")("heard"); news.close(); over(); };
    news.onerror = () => { note("news")("nothing"); news.close(); over(); };
  });
  const element = (name, attributes) => new Promise((over) => {
    const made = Object.assign(document.createElement(name), attributes);
    made.onload = () => { note(name)("loaded"); over(made); };
    made.onerror = () => { note(name)("nothing"); over(made); };
    document.body.append(made);
  });
  await element("script", { src: `${base}/_qwen/assets/page.js`, type: "text/javascript" });
  await element("img", { src: `${base}/_qwen/assets/icon.svg` });
  const frame = await element("iframe", { src: `${base}/_qwen/` });
  let inside = "nothing";
  try { inside = frame.contentDocument.body.innerText || "nothing"; } catch { }
  note("inside")(inside);
  await element("iframe", { name: "target" });
  const form = Object.assign(document.createElement("form"),
    { method: "post", action: deed, target: "target" });
  document.body.append(form);
  const target = document.querySelector("[name=target]");
  const answered = new Promise((over) => { target.onload = over; });
  form.submit();
  await answered;
  return told;
}
"""
"""What a page can try without the person's help; what it got from each."""


class Stranger(BaseHTTPRequestHandler):
    """Any page of another server."""

    def do_GET(self) -> None:
        kinds = {".js": "text/javascript", ".svg": "image/svg+xml"}
        self.send_response(200)
        self.send_header("content-type", kinds.get(self.path[self.path.rfind(".") :], "text/html"))
        self.end_headers()
        is_picture = self.path.endswith(".svg")
        picture = b'<svg xmlns="http://www.w3.org/2000/svg"/>'
        self.wfile.write(picture if is_picture else b"//<!doctype html><body>Cats")

    do_POST = do_GET  # noqa: N815 - http.server calls it so

    def log_message(self, *_: Any) -> None:
        pass


@contextlib.contextmanager
def stranger() -> Iterator[int]:
    """The port of the other server."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Stranger)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium(f"--host-resolver-rules=MAP {REBOUND} 127.0.0.1") as browser:
        yield browser


@pytest.fixture
def proxy(start_mitm: StartMitm) -> MitmProcess:
    return start_mitm(Setup(accounts=[api_key_account(KEY, "https://host.example/v1", id="mine")]))


def tried(live: Tab, base: str) -> dict[str, str]:
    return dict(live.page.evaluate(TRIES, base))


def is_untouched(proxy: MitmProcess) -> bool:
    return '"enabled": false' not in proxy.accounts_file.read_text("utf-8")


NOTHING: Final = {
    "read": "nothing",
    "page": "nothing",
    "deed": "nothing",
    "blind deed": "nothing",
    "news": "nothing",
    "script": "nothing",
    "img": "nothing",
    "inside": "nothing",
}


def test_the_tries_are_good_where_nobody_minds(browser: Browser) -> None:
    with stranger() as port, tab(browser) as live:
        live.open(f"http://127.0.0.1:{port}/")
        got = tried(live, f"http://127.0.0.1:{port}")
    cats = [each for each, what in got.items() if "Cats" in what]
    assert cats == ["read", "page", "deed", "blind deed", "inside"]
    assert got["script"] == got["img"] == "loaded"


def test_another_server_on_this_machine_gets_nothing(browser: Browser, proxy: MitmProcess) -> None:
    base = proxy.url("reverse")
    with stranger() as port, tab(browser) as live:
        live.open(f"{base}/_qwen/")
        live.wait_for("li.account")
        live.open(f"http://127.0.0.1:{port}/")
        got = tried(live, base)
    assert {name: got[name] for name in NOTHING} == NOTHING
    assert is_untouched(proxy)


def test_nor_does_it_by_the_proxys_own_name(browser: Browser, proxy: MitmProcess) -> None:
    """Where the browser goes through the HTTP proxy, as to every other page."""
    with stranger() as port, tab(browser, proxy=proxy.url("regular")) as live:
        live.open("http://qwen.internal/")
        live.wait_for("li.account")
        live.open(f"http://127.0.0.1:{port}/")
        got = tried(live, "http://qwen.internal")
    assert {name: got[name] for name in NOTHING} == NOTHING
    assert is_untouched(proxy)


def test_a_name_that_has_come_to_mean_this_machine_is_not_ours(
    browser: Browser, proxy: MitmProcess
) -> None:
    rebound = proxy.url("reverse").replace("127.0.0.1", REBOUND)
    with tab(browser) as live:
        live.open(f"{proxy.url('reverse')}/_qwen/")
        live.wait_for("li.account")
        live.open(f"{rebound}/_qwen/")
        assert "forbidden_client" in live.text("body")
        got = tried(live, rebound)  # of the same origin now, as the browser sees it
    for name in ("read", "page", "deed", "blind deed"):
        assert "forbidden_client" in got[name]
    assert got["news"] == got["script"] == got["img"] == "nothing"
    assert is_untouched(proxy)


USES: Final = """
async (base) => {
  const json = { "content-type": "application/json" };
  const ask = { method: "POST", headers: json, body: '{"model": "m", "input": "Hi"}' };
  const status = (answer) => answer.status;
  const told = {};
  const mute = { headers: { "accept-language": "", "user-agent": "curl/8", accept: "*/*" } };
  const tries = [["models", {}], ["models?", mute], ["responses", ask], ["chat/completions", ask]];
  for (const [path, how] of tries) {
    told[path] = await fetch(`${base}/v1/${path}`, how).then(status, () => "nothing");
  }
  return told;
}
"""
"""How a page would use the accounts."""


@pytest.fixture
def serving(upstream: Upstream, start_mitm: StartMitm) -> MitmProcess:
    """A proxy whose one account, and whose reverse listener, lead to ``upstream``."""
    account = api_key_account(KEY, upstream.base_url, id="mine")
    mode = f"reverse:http://127.0.0.1:{upstream.port}"
    return start_mitm(Setup(accounts=[account], modes=[mode]))


def test_under_such_a_name_no_account_is_used(
    browser: Browser, serving: MitmProcess, upstream: Upstream
) -> None:
    rebound = serving.url("reverse").replace("127.0.0.1", REBOUND)
    with tab(browser) as live:
        live.open(f"{rebound}/_qwen/")  # it stands at this origin now, whatever it shows
        used = live.page.evaluate(USES, rebound)
    assert used == {"models": 403, "models?": 403, "responses": 403, "chat/completions": 403}
    assert upstream.requests == []


ANYTHING: Final = "default-src * 'unsafe-inline' 'unsafe-eval'"
OF_THE_SERVICE: Final = """<!doctype html><title>Cats</title><body><script>
document.title = "running";
fetch("/_qwen/status.json").then((answer) => { document.title = `read ${answer.status}`; });
</script>"""


def of_the_service(_: Request) -> Reply:
    """A page with a script, to be let in everywhere."""
    open_ = (("access-control-allow-origin", "*"), ("content-security-policy", ANYTHING))
    page = OF_THE_SERVICE.encode()
    return Reply(200, (("content-type", "text/html"), *open_), (page,))


def test_the_services_page_runs_where_it_is_at_home(browser: Browser, upstream: Upstream) -> None:
    upstream.answers(of_the_service)
    with tab(browser) as live:
        live.open(f"http://127.0.0.1:{upstream.port}/cats")
        live.page.wait_for_function("document.title === 'read 200'")


READS: Final = """
async (base) => {
  const told = {};
  const text = async (answer) => await answer.text();
  const deed = { method: "POST", credentials: "include" };
  for (const [path, how] of [["", {}], ["status.json", {}], ["do/disable?account=mine", deed]]) {
    told[path] = await fetch(`${base}/_qwen/${path}`, how).then(text, () => "nothing");
  }
  return told;
}
"""


@pytest.mark.parametrize("path", ["cats", "v1/models", "_qwen%2f"])
def test_a_page_of_the_service_is_none_of_ours(
    browser: Browser, serving: MitmProcess, upstream: Upstream, path: str
) -> None:
    """Not even where it stands at our origin: no script of it runs, and it is of no origin."""
    upstream.answers(of_the_service)
    base = serving.url("reverse")
    with tab(browser) as live:
        live.open(f"{base}/_qwen/")
        live.wait_for("li.account")
        live.open(f"{base}/{path}")
        assert live.page.title() == "Cats"
        assert live.page.evaluate("window.origin") == "null"
        got, used = live.page.evaluate(READS, base), live.page.evaluate(USES, base)
    assert set(got.values()) == {"nothing"}
    assert set(used.values()) == {"nothing"}
    assert is_untouched(serving)
    assert [request.path for request in upstream.requests] == [f"/{path}"]
