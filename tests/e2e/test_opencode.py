"""The real OpenCode works through the proxy: turns with tools, the session after them, a picture.

The upstream is a model in thinking mode: it wants its reasoning back, which OpenCode does not send.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.conftest import ACCOUNT_KEY, Stage
from tests.e2e.turns import GREETING
from tests.support.opencode import CLIENT_KEY, OpenCode
from tests.support.pictures import PIXEL_PNG
from tests.support.replies import Reply
from tests.support.thinking_model import ThinkingModel, Turn, call, outputs_in, turns_in
from tests.support.upstream import Request


@pytest.fixture(params=["reverse listener", "HTTPS proxy"])
def opencode(request: pytest.FixtureRequest, stage: Stage, tmp_path: Path) -> OpenCode:
    """OpenCode in an empty project, on either way to the proxy."""
    if request.param == "reverse listener":
        return OpenCode(tmp_path, stage.proxy.base_url)
    return OpenCode(
        tmp_path,
        "https://portal.qwen.ai/v1",
        env={
            "HTTPS_PROXY": stage.proxy.url("regular"),
            "NODE_EXTRA_CA_CERTS": str(stage.proxy.ca),
        },
    )


def beside_titles(model: ThinkingModel) -> Callable[[Request], Reply]:
    """The model, with an answer to requests for a title: these have no tools, and come any time."""

    def answer(request: Request) -> Reply:
        return model(request) if "tools" in request.json() else Turn("A title").reply(streams=True)

    return answer


def test_turns_with_tools_and_the_session_after_them(opencode: OpenCode, stage: Stage) -> None:
    paths = [opencode.project / f"{name}.txt" for name in "abc"]
    a, b, c = (
        call(f"call_{path.stem}", "write", filePath=str(path), content=GREETING) for path in paths
    )
    writes = [Turn("I write two.", "Two at once 🤔.", (a, b)), Turn("", "Now the third.", (c,))]
    ends = Turn("The files are written.", "That is all.")
    model = ThinkingModel(*writes, ends, Turn("You are welcome."))
    stage.upstream.answers(beside_titles(model))

    first = opencode.run("Write three files, please.")

    assert first.status == 0, first
    assert ends.text in first.stdout
    assert [path.read_text("utf-8") for path in paths] == [GREETING] * 3
    said = model.requests[2].messages
    assert turns_in(said) == writes
    assert all("success" in output for output in outputs_in(said).values())

    second = opencode.run("Thank you.", goes_on=True)

    assert second.status == 0, second
    assert "You are welcome." in second.stdout
    said = model.requests[3].messages
    assert [message["role"] for message in said] == [
        "system",
        "user",
        "assistant",
        "tool",
        "tool",
        "assistant",
        "tool",
        "assistant",
        "user",
    ]
    assert turns_in(said)[:2] == writes
    assert {request.token for request in stage.upstream.requests} == {ACCOUNT_KEY}
    assert not [r for r in stage.upstream.requests if CLIENT_KEY in str(r.headers)]


def test_a_picture(stage: Stage, tmp_path: Path) -> None:
    opencode = OpenCode(tmp_path, stage.proxy.base_url)
    picture = opencode.project / "pixel.png"
    picture.write_bytes(PIXEL_PNG)
    model = ThinkingModel(Turn("A pixel."))
    stage.upstream.answers(beside_titles(model))

    run = opencode.run("What is it?", files=[picture])

    assert run.status == 0, run
    assert "A pixel." in run.stdout
    parts = [
        part
        for message in model.requests[0].messages
        if isinstance(message["content"], list)
        for part in message["content"]
    ]
    url = "data:image/png;base64," + base64.b64encode(PIXEL_PNG).decode()
    assert {"type": "image_url", "image_url": {"url": url}} in parts
