"""Arbitrary histories never make a request that a strict service refuses."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from addon.errors import ApiError
from addon.sandbox.strict import validate
from addon.translate import Recollection, ResponsesRequest, parse_request, profile_named
from addon.translate.reasoning import ReasoningMemory
from tests.translate.histories import HISTORIES, TOOL_SETS
from tests.translate.test_request import Json

REMEMBERING = Recollection(memory=ReasoningMemory())
REMEMBERING.remember([("a", "read", "{}")], "hm")


def read(body: Json) -> ResponsesRequest | ApiError:
    """The request in ``body``, or the refusal that it earns."""
    try:
        return parse_request(json.dumps(body).encode(), REMEMBERING)
    except ApiError as error:
        return error


@given(
    items=HISTORIES,
    tools=TOOL_SETS,
    instructions=st.sampled_from([None, "", "be brief"]),
    fields=st.fixed_dictionaries(
        {},
        optional={
            "reasoning": st.sampled_from(
                [{"effort": "low"}, {"effort": "none"}, {"effort": "max"}]
            ),
            "stream": st.booleans(),
            "parallel_tool_calls": st.booleans(),
            "tool_choice": st.sampled_from(["auto", "none"]),
            "top_logprobs": st.integers(0, 20),
            "max_output_tokens": st.integers(1, 9),
        },
    ),
    model=st.sampled_from(["qwen3-coder-plus", "qwen3-max"]),
    profile=st.sampled_from(["model-studio", "coding-plan", "qwen-portal"]),
)
def test_no_history_makes_a_request_that_a_strict_service_refuses(
    items: list[Json],
    tools: list[Json],
    instructions: str | None,
    fields: Json,
    model: str,
    profile: str,
) -> None:
    body = {"model": model, "input": items, "instructions": instructions, "tools": tools, **fields}
    request = read(body)
    if isinstance(request, ApiError):
        # The one thing that may be wrong with it: nobody has said anything.
        assert request.param == "input"
        return
    assert validate(json.loads(request.render(model, profile_named(profile)))) == []


@given(items=HISTORIES)
def test_every_call_keeps_its_output(items: list[Json]) -> None:
    """As many outputs reach the upstream as there are calls, and no text is lost on the way."""
    said = [{"role": "user", "content": "go"}, *items]
    request = parse_request(json.dumps({"model": "m", "input": said}).encode())
    messages = json.loads(request.render("m"))["messages"]
    calls = [made["id"] for message in messages for made in message.get("tool_calls", ())]
    assert calls == [m["tool_call_id"] for m in messages if m["role"] == "tool"]
    assert len(calls) == sum(
        item["type"].endswith("_call")
        and (item.get("call_id") is not None or item["type"] == "mcp_call")
        for item in items
    )
    texts = [item["output"] for item in items if item["type"] == "local_shell_call_output"]
    everything = json.dumps(messages, ensure_ascii=False)
    assert all(text in everything for text in texts)


# --- whatever else may come

_JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=6,
)


@st.composite
def spoilt(draw: st.DrawFn) -> Json:
    """A request in which one value was replaced by any other."""
    whole = {
        "model": "m",
        "input": [*draw(HISTORIES), {"role": "user", "content": "x"}],
        "tools": draw(TOOL_SETS),
        "tool_choice": {"type": "allowed_tools", "mode": "auto", "tools": []},
        "text": {"format": {"type": "json_schema", "name": "n", "schema": {}}},
        "reasoning": {"effort": "low"},
        "include": ["reasoning.encrypted_content"],
    }
    body: Json = json.loads(json.dumps(whole))
    inside: Any = body
    while True:
        places = list(inside) if isinstance(inside, dict) else list(range(len(inside)))
        if not places:
            return body
        place = draw(st.sampled_from(places))
        if isinstance(inside[place], dict | list) and draw(st.integers(0, 3)):
            inside = inside[place]
            continue
        inside[place] = draw(_JSON)
        return body


@given(body=spoilt(), profile=st.sampled_from(["model-studio", "deepseek", "openai-compatible"]))
def test_a_spoilt_request_is_refused_or_carried(body: Json, profile: str) -> None:
    request = read(body)
    if isinstance(request, ApiError):
        assert request.status == 400
        assert request.code in ("invalid_request", "unsupported_parameter")
        return
    json.loads(request.render("m", profile_named(profile)))
    request.notes_for(profile_named(profile))


@given(body=st.binary(max_size=200))
def test_bytes_that_are_no_request_are_refused(body: bytes) -> None:
    with pytest.raises(ApiError):
        parse_request(body)
