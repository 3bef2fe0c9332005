"""Whatever OpenAI's own types allow is carried or refused, and never breaks anything."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openai.types.responses import ResponseInputItemParam, ToolParam

from addon.errors import ApiError
from addon.sandbox.strict import validate
from addon.translate import PROFILES, profile_named
from addon.translate.response import ResponseRenderer
from tests.support.openai_types import response_faults
from tests.translate.openai_params import Json, members_of, requests, values_of
from tests.translate.test_histories import read

STRICT = ("model-studio", "coding-plan", "qwen-portal")
"""Profiles whose service the sandbox plays."""


def is_carried_or_refused(body: Json) -> None:
    """Holds the request in ``body`` against every service, and what is repeated of it."""
    request = read(body)
    if isinstance(request, ApiError):
        assert request.status == 400
        assert request.code in ("invalid_request", "unsupported_parameter")
        assert request.param
        return
    for name in PROFILES:
        profile = profile_named(name)
        chat = json.loads(request.render("qwen3-coder-plus", profile))
        request.notes_for(profile)
        if name in STRICT:
            assert validate(chat) == []
    response = ResponseRenderer(request.shape, "resp_1", 1).render("in_progress")
    assert response_faults(json.loads(response)) == []


@settings(max_examples=300)
@given(requests())
def test_any_request_by_openais_types_is_carried_or_refused(body: Json) -> None:
    is_carried_or_refused(body)


ITEMS = members_of(ResponseInputItemParam)
TOOLS = members_of(ToolParam)


@pytest.mark.parametrize("item", ITEMS, ids=[item.__name__ for item in ITEMS])
@settings(max_examples=20)
@given(data=st.data())
def test_any_item_is_carried_or_refused(item: type, data: st.DataObject) -> None:
    said = {"role": "user", "content": "Hi"}
    is_carried_or_refused({"model": "m", "input": [said, data.draw(values_of(item))]})


@pytest.mark.parametrize("tool", TOOLS, ids=[tool.__name__ for tool in TOOLS])
@settings(max_examples=20)
@given(data=st.data())
def test_any_tool_is_carried_or_refused(tool: type, data: st.DataObject) -> None:
    is_carried_or_refused({"model": "m", "input": "Hi", "tools": [data.draw(values_of(tool))]})
