"""The real Codex CLI works through the proxy: commands, patches, agents of its own, pictures.

The upstream is a model in thinking mode: it wants its reasoning back. Codex asks for it sealed.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import cast

import pytest

from tests.e2e.conftest import ACCOUNT_KEY, Stage
from tests.e2e.turns import GREETING
from tests.support.chat import Json
from tests.support.codex import CLIENT_KEY, Codex
from tests.support.pictures import PIXEL_PNG
from tests.support.replies import Reply
from tests.support.thinking_model import ThinkingModel, Turn, call, outputs_in, turns_in
from tests.support.upstream import Request

MODEL_THAT_PATCHES = "gpt-5.5"
"""A model of which Codex knows that it can write patches as free text."""

WORDS = GREETING.strip()
ENDS = Turn("All is done.", "Nothing is left.")


@pytest.fixture
def codex(stage: Stage, tmp_path: Path) -> Codex:
    """Codex in an empty project, with the reverse listener as base URL."""
    return Codex(tmp_path, stage.proxy.base_url)


@pytest.fixture
def proxied_codex(stage: Stage, tmp_path: Path) -> Codex:
    """Codex in an empty project, with the proxy between it and the base URL."""
    env = {"HTTPS_PROXY": stage.proxy.url("regular"), "SSL_CERT_FILE": str(stage.proxy.ca)}
    return Codex(tmp_path, "https://portal.qwen.ai/v1", env=env)


def runs(command: str) -> Turn:
    """The turn in which the model wants ``command`` to be run."""
    return Turn("I run it.", "A command 🤔.", (call("call_exec", "exec_command", cmd=command),))


@pytest.mark.parametrize("way", ["codex", "proxied_codex"], ids=["reverse listener", "HTTPS proxy"])
def test_a_command_and_the_session_after_it(
    request: pytest.FixtureRequest, stage: Stage, way: str
) -> None:
    codex: Codex = request.getfixturevalue(way)
    writes = runs(f"printf %s '{WORDS}' > hello.txt && cat hello.txt")
    model = ThinkingModel(writes, ENDS, Turn("You are welcome."))
    stage.upstream.answers(model)

    first = codex.run("Write hello.txt, please.")

    assert first.status == 0, first
    assert ENDS.text in first.stdout
    assert (codex.project / "hello.txt").read_text("utf-8") == WORDS
    said = model.requests[1].messages
    assert turns_in(said) == [writes]
    assert WORDS in outputs_in(said)["call_exec"]

    second = codex.run("Thank you.", goes_on=True)

    assert second.status == 0, second
    assert "You are welcome." in second.stdout
    assert turns_in(model.requests[2].messages) == [writes, ENDS]
    assert {each.token for each in model.requests} == {ACCOUNT_KEY}
    assert CLIENT_KEY not in str([each.headers for each in model.requests])


def test_codex_keeps_the_reasoning_under_seal(codex: Codex, stage: Stage) -> None:
    stage.upstream.answers(ThinkingModel(runs("true"), ENDS))

    codex.run("Go.")

    sealed = [item["encrypted_content"] for item in codex.recorded("reasoning")]
    assert len(sealed) == 2
    assert all(sealed)
    assert not [text for text in sealed if "command" in str(text) or "left" in str(text)]


def test_a_patch_is_applied(stage: Stage, tmp_path: Path) -> None:
    codex = Codex(tmp_path, stage.proxy.base_url, model=MODEL_THAT_PATCHES)
    patch = f'*** Begin Patch\n*** Add File: hello.txt\n+"{WORDS}"\n*** End Patch\n'
    patches = Turn("", "A patch.", (call("call_patch", "apply_patch", input=patch),))
    model = ThinkingModel(patches, ENDS)
    stage.upstream.answers(model)

    run = codex.run("Write hello.txt, please.")

    assert run.status == 0, run
    assert (codex.project / "hello.txt").read_text("utf-8") == f'"{WORDS}"\n'
    first, second = model.requests
    assert "*** Begin Patch" in _description(first, "apply_patch"), "the grammar was lost"
    assert turns_in(second.messages) == [patches]
    assert "Success" in outputs_in(second.messages)["call_patch"]


def test_tools_that_the_model_searches_for_can_be_called(stage: Stage, tmp_path: Path) -> None:
    codex = Codex(tmp_path, stage.proxy.base_url, model=MODEL_THAT_PATCHES)
    searches = Turn("", "Who helps?", (call("call_search", "tool_search", query="spawn agent"),))
    model = ThinkingModel(searches, ENDS)
    stage.upstream.answers(model)

    run = codex.run("Let someone look.")

    assert run.status == 0, run
    first, second = model.requests
    assert turns_in(second.messages) == [searches]
    assert "spawn_agent" in outputs_in(second.messages)["call_search"]
    assert not _description(first, "multi_agent_v1__spawn_agent")
    assert _description(second, "multi_agent_v1__spawn_agent")


def test_an_agent_of_its_own_called_by_functions_in_a_namespace(codex: Codex, stage: Stage) -> None:
    task, answer = "Say what you find.", "I found nothing."
    spawns = Turn(
        "", "Someone else.", (call("call_spawn", "multi_agent_v1__spawn_agent", message=task),)
    )

    def waits(messages: list[Json]) -> Turn:
        agent = json.loads(outputs_in(messages)["call_spawn"])["agent_id"]
        waiting = call(
            "call_wait", "multi_agent_v1__wait_agent", targets=[agent], timeout_ms=60_000
        )
        return Turn("", "How far is it?", (waiting,))

    model, agent = ThinkingModel(spawns, waits, ENDS), ThinkingModel(Turn(answer, "Look."))

    def answers(request: Request) -> Reply:
        asked = str(request.messages[-1]["content"])
        return (
            agent(request) if task in asked and not turns_in(request.messages) else model(request)
        )

    stage.upstream.answers(answers)

    run = codex.run("Let someone look.")

    assert run.status == 0, run
    assert ENDS.text in run.stdout
    assert answer in outputs_in(model.requests[-1].messages)["call_wait"]


def test_pictures_from_the_user_and_from_a_tool(codex: Codex, stage: Stage) -> None:
    picture = codex.project / "pixel.png"
    picture.write_bytes(PIXEL_PNG)
    looks = Turn("", "Another look.", (call("call_view", "view_image", path=str(picture)),))
    model = ThinkingModel(looks, ENDS)
    stage.upstream.answers(model)

    run = codex.run("What is it?", pictures=[picture])

    assert run.status == 0, run
    first, second = model.requests
    assert len(_pictures(first)) == 1
    assert len(_pictures(second)) == 2
    assert all(url.startswith("data:image/png;base64,") for url in _pictures(second))


def _pictures(request: Request) -> list[str]:
    """The URLs of all pictures in the conversation."""
    contents = [message["content"] for message in request.messages]
    parts = [part for content in contents if isinstance(content, list) for part in content]
    return [part["image_url"]["url"] for part in parts if part["type"] == "image_url"]


def _description(request: Request, name: str) -> str:
    """What the model is told of the tool; nothing where it does not know of it."""
    tools = cast("list[dict[str, dict[str, str]]]", request.json()["tools"])
    found = [tool["function"] for tool in tools if tool["function"]["name"] == name]
    assert len(found) <= 1
    return found[0]["description"] if found else ""
