"""What a person sees of bodies in a real mitmweb: each side of an exchange, whatever became of it.

The views are asked for as mitmweb's own page does it.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
from openai import OpenAI

from tests.proxy.conftest import mitmweb
from tests.support.chat import (
    MODEL,
    Json,
    ToolCall,
    Usage,
    call_stream,
    completion,
    events,
    sse,
    text_deltas,
    text_stream,
)
from tests.support.leaver import leaver
from tests.support.pool import Pool
from tests.support.proxy import ADDON, REVERSE, ROOT, Books, MitmProcess, Setup
from tests.support.recorder import Recorder
from tests.support.replies import Ending, json_reply, refusal, stream_reply
from tests.support.upstream import Upstream
from tests.support.web import WebInterface

VIEWS: Final = ("qwen client", "qwen conversation", "qwen upstream")
SPENT: Final = refusal(403, "insufficient_quota", "Free allocated quota exceeded.")
PATCH: Final = ToolCall("call_1", "patch", json.dumps({"input": "*** Begin\n+x"}))
LOOK: Final = ToolCall("call_2", "look", json.dumps({"at": {"x": 1}}))
TOOLS: Final[list[Json]] = [
    {"type": "custom", "name": "patch"},
    {"type": "function", "name": "look", "parameters": {"type": "object", "properties": {}}},
]
COST: Final = Usage(prompt=100, completion=20, cached=40, reasoning=5)


@dataclass(frozen=True, slots=True)
class Rig:
    pool: Pool
    web: WebInterface

    def last(self) -> str:
        """The id of the last flow in the list."""
        return str(self.web.get("/flows").json()[-1]["id"])

    def request(self, view: str) -> str:
        """The last flow's request in the view."""
        return self.web.view(self.last(), "request", view)

    def answer(self, view: str) -> str:
        """Its answer."""
        return self.web.view(self.last(), "response", view)

    def content(self) -> bytes:
        """Its answer, as mitmproxy itself has it."""
        return self.web.get(f"/flows/{self.last()}/response/content.data").content


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory, confdir: Path) -> Iterator[Rig]:
    with mitmweb(tmp_path_factory.mktemp("mitm"), confdir) as (pool, web):
        yield Rig(pool, web)


@pytest.fixture
def rig(shared: Rig, recorder: Recorder) -> Iterator[Rig]:
    shared.pool.begin(recorder)
    yield shared
    shared.web.set_options(qwen_inspect_body_limit=4 << 20, qwen_inspect_total_limit=64 << 20)


def ask_with_the_sdk(rig: Rig, **fields: Any) -> str:
    """A stream to its end; gives its text."""
    client = OpenAI(base_url=rig.pool.proxy.base_url, api_key="any", max_retries=0)
    with client, client.responses.stream(model=MODEL, **fields) as stream:
        return stream.get_final_response().output_text


def test_each_side_of_a_translated_exchange(rig: Rig) -> None:
    rig.pool.has("only")
    rig.pool.refusing["only"] = stream_reply(
        events(call_stream(PATCH, LOOK, text="I will.", reasoning="Let me think.", usage=COST))
    )
    assert ask_with_the_sdk(rig, input="Change it.", tools=TOOLS) == "I will."

    assert json.loads(rig.request("qwen client")) == {
        "model": MODEL,
        "input": "Change it.",
        "tools": TOOLS,
        "stream": True,
    }
    assert json.loads(rig.request("qwen upstream")) == rig.pool.upstream.requests[0].json()
    client, upstream = rig.answer("qwen client"), rig.answer("qwen upstream")
    assert client.startswith("event: response.created\ndata: {")
    assert '"type": "response.completed"' in client
    assert '{"delta": {"content": "I wi"}' in upstream.replace('"index": 0, ', "")
    assert upstream.endswith("\n\ndata: [DONE]")
    assert b"event: response.completed" in rig.content()


def test_a_conversation_is_what_shows_by_itself(rig: Rig) -> None:
    rig.pool.has("only")
    rig.pool.refusing["only"] = stream_reply(
        events(call_stream(PATCH, LOOK, text="I will.", reasoning="Let me think.", usage=COST))
    )
    rig.pool.ask("Change it.", stream=True, tools=TOOLS)
    assert rig.request("auto") == (
        f"Responses API, model {MODEL}, 1 items\nTools (2): patch, look\nSettings: stream true\n"
        "\n── user ──\nChange it."
    )
    assert rig.answer("auto") == (
        f"Responses API, model {MODEL}\n"
        "100 tokens in (40 cached), 20 out (5 reasoning)\n"
        "\n── assistant ──\n[reasoning]\n  Let me think.\nI will.\n"
        "[call] patch · call_1\n  *** Begin\n  +x\n"
        '[call] look · call_2\n  {\n    "at": {\n      "x": 1\n    }\n  }\n'
        "\n── status completed ──"
    )


def test_an_answer_that_came_whole(rig: Rig) -> None:
    rig.pool.has("only")
    rig.pool.refusing["only"] = json_reply(completion("Hello", usage=COST))
    rig.pool.ask()
    assert json.loads(rig.answer("qwen client"))["object"] == "response"
    assert json.loads(rig.answer("qwen upstream")) == completion("Hello", usage=COST)
    assert "── assistant ──\nHello\n" in rig.answer("auto")


def test_an_exchange_that_another_account_refused(rig: Rig) -> None:
    rig.pool.has(rig.pool.fresh("spent", priority=-1), "good")
    rig.pool.refusing["spent"] = SPENT
    rig.pool.ask(stream=True)
    told = "spent at 127.0.0.1 refused with 403 insufficient_quota after "
    assert f"\n1. {told}" in rig.answer("auto")
    upstream = rig.answer("qwen upstream")
    assert upstream.startswith(f"── {told}")
    assert '"message": "Free allocated quota exceeded."' in upstream
    assert upstream.endswith("data: [DONE]")


def test_an_exchange_that_nobody_served(rig: Rig) -> None:
    rig.pool.has("only")
    rig.pool.refusing["only"] = refusal(400, "invalid_parameter", "No such thing.")
    rig.pool.ask("Hi", stream=True)
    assert "── error: invalid_parameter: No such thing. ──" in rig.answer("auto")
    assert "# No upstream served it: invalid_parameter: No such thing." in rig.answer(VIEWS[2])
    assert "── user ──\nHi" in rig.request("auto")


def test_a_request_that_cannot_be_understood(rig: Rig) -> None:
    rig.pool.ask("Hi", temperature="hot")
    assert rig.request("qwen upstream") == "# No upstream was asked."
    assert json.loads(rig.request("qwen client"))["temperature"] == "hot"
    assert "── user ──\nHi" in rig.request("auto")


def test_a_client_that_may_not(rig: Rig, recorder: Recorder) -> None:
    with recorder.client() as client:
        url = f"{rig.pool.proxy.base_url}/responses"
        client.post(url, json={"input": "Hi"}, headers={"origin": "https://evil.example"})
    assert "missing" in rig.request("auto")  # nobody has read it
    assert "── error: forbidden_client: " in rig.answer("auto")


def test_a_stream_that_is_cut(rig: Rig) -> None:
    rig.pool.has("only")
    pieces = [*map(sse, text_deltas("Hel")), b'data: {"choi']
    rig.pool.refusing["only"] = stream_reply(pieces, ending=Ending.CUT)
    rig.pool.ask(stream=True)
    assert rig.answer("qwen upstream").endswith('\n\ndata: {"choi')
    assert '"type": "response.failed"' in rig.answer("qwen client")
    conversation = rig.answer("auto")
    assert "── assistant ──\nHel\n\n── status failed ──\n── error: " in conversation
    assert "\n── cut: " in conversation


def test_a_client_that_left(rig: Rig) -> None:
    rig.pool.has("only")
    gate = rig.pool.upstream.gate()
    rig.pool.refusing["only"] = stream_reply([*map(sse, text_deltas("Hel", "lo")), gate])
    proxy = rig.pool.proxy
    with leaver(proxy.ports[0], http2=False, ca=proxy.ca) as client:
        client.send(json.dumps({"model": MODEL, "input": "Hi", "stream": True}).encode())
        client.wait_for_answer()
        client.leave()
    proxy.wait_for_books(lambda books: books == Books(), "empty books")
    gate.open()
    assert rig.answer("auto").endswith("── the client left before the end ──")
    assert '"content": "Hel"' in rig.answer("qwen upstream")


def test_an_exchange_under_way(rig: Rig, recorder: Recorder) -> None:
    rig.pool.has("only")
    gate = rig.pool.upstream.gate()
    first, *others = events(text_stream("Hel", "lo"))
    rig.pool.refusing["only"] = stream_reply([first, gate, *others])
    body = {"model": MODEL, "input": "Hi", "stream": True}
    url = f"{rig.pool.proxy.base_url}/responses"
    with recorder.client() as client, client.stream("POST", url, json=body) as answer:
        pieces = answer.iter_bytes()
        next(pieces)
        for view in VIEWS:
            assert rig.answer(view).startswith("# Under way: what there is so far.\n\n")
        assert '"input": "Hi"' in rig.request("qwen client")
        gate.open()
        list(pieces)
    assert rig.answer("auto").endswith("\n── assistant ──\nHello\n\n── status completed ──")


def test_a_chat_request_that_passes_untouched(rig: Rig, recorder: Recorder) -> None:
    rig.pool.has("only")
    body = {"model": MODEL, "stream": True, "messages": [{"role": "user", "content": "Hi"}]}
    with recorder.client() as client:
        got = client.post(f"{rig.pool.proxy.base_url}/chat/completions", json=body)
    assert rig.content() == got.content
    for view in ("qwen client", "qwen upstream"):
        assert rig.answer(view).endswith("data: [DONE]")
        assert json.loads(rig.request(view)) == body
    assert "── assistant ──\nHello\n\n── finish_reason stop ──" in rig.answer("auto")


def test_a_list_of_models(rig: Rig, recorder: Recorder) -> None:
    rig.pool.has("only")
    models = {"object": "list", "data": [{"id": "m"}]}
    rig.pool.upstream.replies(json_reply(models))
    with recorder.client() as client:
        client.get(f"{rig.pool.proxy.base_url}/models")
    for view in ("auto", "qwen client"):
        assert json.loads(rig.answer(view)) == models


def test_the_limits_hold_from_when_they_are_set(rig: Rig) -> None:
    rig.pool.has("only")
    rig.pool.ask("Hi", stream=True)
    before = rig.last()
    rig.web.set_options(qwen_inspect_body_limit=0)
    rig.pool.ask("Hi", stream=True)
    for view in ("auto", *VIEWS):
        told = "# Given up, for newer ones or by a smaller limit: see inspect_total_limit."
        assert rig.web.view(before, "response", view) == told
        assert rig.answer(view) == "# Not kept: inspect_body_limit is 0."
    assert rig.request("qwen client") == "# Not kept: inspect_body_limit is 0."
    assert "── user ──\nHi" in rig.request("auto")  # what the upstream got is there

    rig.web.set_options(qwen_inspect_body_limit=3000)
    rig.pool.ask("Hi", stream=True)
    assert " are kept, see inspect_body_limit." in rig.answer("qwen client")
    assert "── assistant ──\nHel" in rig.answer("auto")


def test_the_oldest_are_given_up_first(rig: Rig) -> None:
    rig.pool.has("only")
    rig.web.set_options(qwen_inspect_total_limit=20_000)
    for _ in range(6):
        rig.pool.ask("Hi", stream=True)
    flows = [flow["id"] for flow in rig.web.get("/flows").json()[-6:]]
    gone = [rig.web.view(each, "response", VIEWS[0]).startswith("# Given up") for each in flows]
    assert gone == sorted(gone, reverse=True)
    assert (gone[0], gone[-1]) == (True, False)


def test_a_large_body_shows(rig: Rig) -> None:
    rig.pool.has("only")
    items = [{"role": "user", "content": "word " * 400} for _ in range(4000)]
    rig.pool.ask(input=items, stream=True)
    for view in VIEWS:
        assert 0 < len(rig.request(view)) < 300_000
    assert "4000 messages" in rig.request("auto")  # as the upstream got it, since that is whole
    assert rig.request("qwen client").startswith("# Cut: of 8.")


def test_what_somebody_edits_is_what_shows(rig: Rig) -> None:
    rig.pool.has("only")
    rig.pool.ask("Hi", stream=True)
    rig.web.edit(rig.last(), response={"content": "An answer of mine."})
    for view in ("auto", "qwen client"):
        shown = rig.answer(view)
        assert shown.startswith("# Edited: this is not what passed.\n")
        assert shown.endswith("\n\nAn answer of mine.")
    assert rig.answer("qwen upstream").endswith("data: [DONE]")

    body = {"model": MODEL, "messages": [{"role": "user", "content": "Ho"}]}
    rig.web.edit(rig.last(), request={"content": json.dumps(body)})
    assert json.loads(rig.request("qwen client"))["input"] == "Hi"
    for view in ("auto", "qwen upstream"):
        assert rig.request(view).startswith("# Edited: this is not what passed.\n")
    assert rig.request("auto").endswith("── user ──\nHo")


def test_saved_flows_show_the_same_elsewhere(rig: Rig, tmp_path: Path, confdir: Path) -> None:
    rig.pool.has(rig.pool.fresh("spent", priority=-1), "good")
    rig.pool.refusing["spent"] = SPENT
    rig.pool.ask(stream=True)
    flow = rig.last()
    (tmp_path / "flows").write_bytes(rig.web.get("/flows/dump").content)
    setup = Setup(
        accounts=[], modes=[REVERSE], program="mitmweb", options={"rfile": str(tmp_path / "flows")}
    )
    with MitmProcess(tmp_path, setup, confdir=confdir) as other, WebInterface(other) as web:
        web.wait_for_flow(flow)
        for view in ("auto", *VIEWS):
            for message in ("request", "response"):
                assert web.view(flow, message, view) == rig.web.view(flow, message, view)


def test_a_script_that_is_loaded_again_shows_what_there_was(
    tmp_path: Path, confdir: Path, recorder: Recorder
) -> None:
    script = tmp_path / "main.py"
    shutil.copy(ADDON, script)
    setup = Setup(
        accounts=[],
        modes=[REVERSE],
        program="mitmweb",
        script=script,
        env={"PYTHONPATH": str(ROOT)},
    )
    with (
        Upstream() as upstream,
        MitmProcess(tmp_path, setup, confdir=confdir) as proxy,
        WebInterface(proxy) as web,
    ):
        rig = Rig(Pool(proxy, upstream).begin(recorder), web)
        rig.pool.has("only")
        rig.pool.ask(stream=True)
        before = rig.answer("auto")
        script.write_text(
            f'{script.read_text("utf-8")}\nimport logging\nlogging.warning("Once more.")\n', "utf-8"
        )
        proxy.wait_for_log("Once more.")
        assert rig.answer("auto") == before
        rig.pool.ask(stream=True)
        assert "── assistant ──\nHello" in rig.answer("auto")
        assert "Replacing existing" not in proxy.log
