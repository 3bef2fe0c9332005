"""hypothesis strategies: arbitrary histories of every type of item, whole or broken."""

from __future__ import annotations

import json
from typing import Any, Final

from hypothesis import strategies as st

from addon.translate.fates import ITEMS, TOOLS, Fate

Json = dict[str, Any]

PIXEL: Final = "data:image/png;base64,iVBORw0KGgo="

_IDS: Final = st.sampled_from(["a", "b", "a_2", "c"])
_TEXTS: Final = st.sampled_from(["", "hi", "more of it", " "])
_NAMES: Final = st.sampled_from(["read", "write", "a.b", "shell", "x" * 70])
_NAMESPACES: Final = st.sampled_from([None, "crm", "名"])
_OBJECTS: Final = st.dictionaries(st.sampled_from(["a", "b"]), st.integers() | st.text(max_size=3))
_ARGUMENTS: Final = _OBJECTS.map(json.dumps) | st.sampled_from(["", "{", "[1]", '{"a": NaN}'])
_IMAGE: Final[Json] = {"type": "input_image", "image_url": PIXEL, "detail": "original"}
_FILE: Final[Json] = {"type": "input_file", "file_data": PIXEL, "file_id": "f", "filename": "a.pdf"}
_SOUND: Final[Json] = {"type": "input_audio", "input_audio": {"data": "AA==", "format": "wav"}}


def _texts(kind: str) -> st.SearchStrategy[Json]:
    return _TEXTS.map(lambda text: {"type": kind, "text": text})


def _or_parts(*parts: st.SearchStrategy[Json]) -> st.SearchStrategy[Any]:
    return _TEXTS | st.lists(st.one_of(*parts), max_size=3)


_INPUT: Final = _or_parts(_texts("input_text"), st.sampled_from([_IMAGE, _FILE, _SOUND]))
_SAID: Final = _or_parts(
    _texts("output_text"), st.just({"type": "refusal", "refusal": "I will not."})
)


def _item(kind: str, **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Json]:
    return st.fixed_dictionaries({"type": st.just(kind), **fields})


_THOUGHTS: Final = st.lists(_texts("summary_text"), max_size=2)
_RUNS: Final = st.lists(
    st.fixed_dictionaries(
        {
            "stdout": _TEXTS,
            "stderr": _TEXTS,
            "outcome": st.sampled_from([{"type": "exit", "exit_code": 1}, {"type": "timeout"}]),
        }
    ),
    max_size=2,
)

_TOOLS: Final = st.one_of(
    *(
        st.fixed_dictionaries({"type": st.just(kind), "name": _NAMES})
        for kind, row in TOOLS.items()
        if kind not in ("namespace", "tool_search") and row is Fate.MAPPED
    ),
    st.fixed_dictionaries(
        {
            "type": st.just("tool_search"),
            "execution": st.sampled_from(["client", "server", None]),
            "parameters": st.none() | _OBJECTS,
        }
    ),
    st.fixed_dictionaries(
        {
            "type": st.just("namespace"),
            "name": st.just("crm"),
            "description": _TEXTS,
            "tools": st.lists(
                st.fixed_dictionaries(
                    {"type": st.sampled_from(["function", "custom"]), "name": _NAMES}
                ),
                max_size=2,
            ),
        }
    ),
    st.just({"type": "web_search"}),
)

TOOL_SETS: Final = st.lists(_TOOLS, max_size=4)

_CARRIED: Final[dict[str, st.SearchStrategy[Json]]] = {
    "message": st.one_of(
        _item("message", role=st.sampled_from(["user", "system", "developer"]), content=_INPUT),
        _item("message", role=st.just("assistant"), content=_SAID),
    ),
    "reasoning": _item(
        "reasoning", summary=_THOUGHTS, encrypted_content=st.sampled_from([None, "x"])
    ),
    "function_call": _item(
        "function_call", call_id=_IDS, name=_NAMES, namespace=_NAMESPACES, arguments=_ARGUMENTS
    ),
    "function_call_output": _item("function_call_output", call_id=st.none() | _IDS, output=_INPUT),
    "custom_tool_call": _item(
        "custom_tool_call", call_id=_IDS, name=_NAMES, namespace=_NAMESPACES, input=_TEXTS
    ),
    "custom_tool_call_output": _item("custom_tool_call_output", call_id=_IDS, output=_INPUT),
    "local_shell_call": _item("local_shell_call", call_id=_IDS, id=_IDS, action=_OBJECTS),
    "local_shell_call_output": _item("local_shell_call_output", id=_IDS, output=_TEXTS),
    "shell_call": _item("shell_call", call_id=_IDS, action=_OBJECTS),
    "shell_call_output": _item("shell_call_output", call_id=_IDS, output=_RUNS),
    "apply_patch_call": _item("apply_patch_call", call_id=_IDS, operation=_OBJECTS),
    "apply_patch_call_output": _item(
        "apply_patch_call_output", call_id=_IDS, status=st.just("failed"), output=_TEXTS
    ),
    "mcp_call": _item(
        "mcp_call",
        id=_IDS,
        server_label=st.just("docs"),
        name=_NAMES,
        arguments=_ARGUMENTS,
        output=st.none() | _TEXTS,
        error=st.sampled_from([None, "no", {"message": "no"}]),
    ),
    "additional_tools": _item("additional_tools", role=st.just("developer"), tools=TOOL_SETS),
    "tool_search_call": _item("tool_search_call", call_id=st.none() | _IDS, arguments=_OBJECTS),
    "tool_search_output": _item("tool_search_output", call_id=st.none() | _IDS, tools=TOOL_SETS),
}
assert _CARRIED.keys() == {kind for kind, row in ITEMS.items() if row is Fate.MAPPED}

ITEM: Final = st.one_of(
    *_CARRIED.values(),
    st.sampled_from([{"type": kind} for kind, row in ITEMS.items() if row is Fate.DROPPED]),
)
"""An item of any type that is not refused."""

HISTORIES: Final = st.lists(ITEM, max_size=14)
