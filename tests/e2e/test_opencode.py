"""The real OpenCode works through the proxy: an agent's turn with a tool, and the session after."""

from __future__ import annotations

import json
from pathlib import Path
from typing import cast

import pytest

from tests.e2e.conftest import ACCOUNT_KEY, Stage
from tests.support.chat import Json, ToolCall, call_stream, events, text_stream
from tests.support.opencode import CLIENT_KEY, OpenCode
from tests.support.replies import Reply, stream_reply
from tests.support.upstream import Request

CONTENT = "Grüße aus Köln\n"


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


class Model:
    """A model that knows one trick: it writes a file, and says so."""

    def __init__(self, path: Path) -> None:
        self.call = ToolCall(
            "call_of_the_model", "write", json.dumps({"filePath": str(path), "content": CONTENT})
        )
        self.turns: list[list[Json]] = []
        """The messages of each turn with tools; the request for a title has none."""

    def __call__(self, request: Request) -> Reply:
        assert request.token == ACCOUNT_KEY
        if "tools" not in request.json():
            return stream_reply(events(text_stream("A ", "title")))
        self.turns.append(request.messages)
        match len(self.turns):
            case 1:
                payloads = call_stream(self.call, text="I write it.", reasoning="A file, then.")
            case 2:
                payloads = text_stream("The file ", "is written.")
            case _:
                payloads = text_stream("You are ", "welcome.")
        return stream_reply(events(payloads))


def test_a_turn_with_a_tool_and_the_session_after_it(opencode: OpenCode, stage: Stage) -> None:
    path = opencode.project / "hello.txt"
    model = Model(path)
    stage.upstream.answers(model)

    first = opencode.run("Write hello.txt, please.")

    assert first.status == 0, first
    assert "The file is written." in first.stdout
    assert path.read_text("utf-8") == CONTENT
    *_, asks, tool = model.turns[1]
    assert asks["content"] == "I write it."
    (call,) = cast("list[Json]", asks["tool_calls"])
    assert call["id"] == tool["tool_call_id"] == model.call.id
    assert cast("Json", call["function"])["name"] == "write"
    assert "success" in str(tool["content"])

    second = opencode.run("Thank you.", goes_on=True)

    assert second.status == 0, second
    assert "You are welcome." in second.stdout
    said = [message["role"] for message in model.turns[2]]
    assert said == ["system", "user", "assistant", "tool", "assistant", "user"]
    assert not [r for r in stage.upstream.requests if CLIENT_KEY in str(r.headers)]
