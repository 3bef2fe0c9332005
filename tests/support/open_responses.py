"""Holds events and responses against the Open Responses specification, where its file is at hand.

The file is named by ``OPENRESPONSES_SPEC``, else it is looked for beside the repository; where
there is none, nothing is held against it. What OpenAI's API has and the specification does not
(tools other than functions, custom tool calls, the raw reasoning text events) is left to
``openai_types.py``.
"""

from __future__ import annotations

import functools
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, cast

import jsonschema_rs
from jsonschema_rs import Draft202012, Draft202012Validator

_ROOT: Final = Path(__file__).resolve().parents[2]
_URI: Final = "urn:open-responses"
_ITEM_TYPES: Final = frozenset({"message", "function_call", "function_call_output", "reasoning"})

Json = dict[str, object]


@dataclass(frozen=True, slots=True)
class _Specification:
    response: Draft202012Validator
    events: Mapping[str, Draft202012Validator]


def event_faults(event: Mapping[str, object]) -> list[str]:
    """What is wrong with one streamed event by the specification; nothing without its file."""
    specification = _load()
    if specification is None:
        return []
    validator = specification.events.get(str(event.get("type")))
    if validator is None or not _is_specified(event.get("item")):
        return []
    known = dict(event)
    if "item" in event:
        known["item"] = _without_null(event["item"])
    if isinstance(event.get("response"), dict):
        known["response"] = _specified_part(cast("Json", event["response"]))
    return _faults(validator, known)


def response_faults(response: Mapping[str, object]) -> list[str]:
    """What is wrong with a response object by the specification; nothing without its file."""
    specification = _load()
    if specification is None:
        return []
    return _faults(specification.response, _specified_part(response))


def _is_specified(item: object) -> bool:
    return not isinstance(item, dict) or item.get("type") in _ITEM_TYPES


def _is_specified_choice(choice: object) -> bool:
    if not isinstance(choice, dict):
        return True
    tools = choice.get("tools") or [choice]
    return all(tool.get("type") in ("function", "allowed_tools") for tool in tools)


def _without_null(item: object) -> object:
    """``item`` without an ``encrypted_content`` of null, which to OpenAI is the same as none."""
    if isinstance(item, dict) and item.get("encrypted_content", item) is None:
        return {name: value for name, value in item.items() if name != "encrypted_content"}
    return item


def _specified_part(response: Mapping[str, object]) -> Json:
    """``response`` without what OpenAI's API has and the specification does not."""
    known = dict(response)
    if isinstance(output := response.get("output"), list):
        known["output"] = [_without_null(item) for item in output if _is_specified(item)]
    if isinstance(tools := response.get("tools"), list):
        known["tools"] = [t for t in tools if isinstance(t, dict) and t.get("type") == "function"]
    if not _is_specified_choice(response.get("tool_choice")):
        known["tool_choice"] = "auto"
    return known


def _faults(validator: Draft202012Validator, value: Json) -> list[str]:
    return [
        f"{'.'.join(map(str, error.instance_path))}: {error.message:.200} (Open Responses)"
        for error in validator.iter_errors(value)
    ]


@functools.cache
def _load() -> _Specification | None:
    named = os.environ.get("OPENRESPONSES_SPEC")
    path = Path(named) if named else _ROOT.parent / "shared" / "openresponses" / "openapi.json"
    if not path.is_file():
        return None
    document = json.loads(path.read_text("utf-8"))
    schemas = document["components"]["schemas"]
    # The one known fault of the published file: a JSON Schema format may only have no schema.
    schemas["JsonSchemaResponseFormat"]["properties"]["schema"] = {"type": ["object", "null"]}
    registry = jsonschema_rs.Registry([(_URI, document)], draft=Draft202012)

    def validator(name: str) -> Draft202012Validator:
        reference = {"$ref": f"{_URI}#/components/schemas/{name}"}
        return Draft202012Validator(reference, registry=registry)

    events = {
        schema["properties"]["type"]["enum"][0]: validator(name)
        for name, schema in schemas.items()
        if name.endswith("StreamingEvent")
    }
    return _Specification(validator("ResponseResource"), events)
