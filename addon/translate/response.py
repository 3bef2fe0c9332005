"""The Response object: what it repeats of the request, and what an answer fills in.

Every field of OpenAI's Response object is there, also where it is null, and the
few that the Open Responses specification requires beside them (``store``,
penalties). What the request did not set reads as OpenAI's documented default.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, Literal, TypeAlias

from pydantic_core import to_json

Status: TypeAlias = Literal["in_progress", "completed", "incomplete", "failed"]
OutputItem: TypeAlias = dict[str, Any]

_ECHOED: Final[Mapping[str, Any]] = {
    "background": False,
    "instructions": None,
    "max_output_tokens": None,
    "max_tool_calls": None,
    "metadata": {},
    "model": None,
    "parallel_tool_calls": True,
    "previous_response_id": None,
    "prompt_cache_key": None,
    "prompt_cache_retention": None,
    "safety_identifier": None,
    "service_tier": "default",
    "store": False,
    "temperature": 1.0,
    "tool_choice": "auto",
    "top_logprobs": 0,
    "top_p": 1.0,
    "truncation": "disabled",
    "user": None,
    "frequency_penalty": 0.0,
    "presence_penalty": 0.0,
}
"""Fields that repeat the request's, with what stands there when the request has none."""

_NEVER_SET: Final = (
    "access_programs",
    "conversation",
    "image",
    "input_transformations",
    "moderation",
    "prompt",
    "prompt_cache_diagnostics",
    "tool_usage",
)
"""Fields of features that do not exist here."""

_OF_REASONING: Final = ("effort", "summary", "context", "generate_summary", "mode")
_OF_CACHE_OPTIONS: Final[Mapping[str, Any]] = {
    "mode": "implicit",
    "ttl": "30m",
    "comparison_response_id": None,
}
"""Members that the Response repeats, with OpenAI's defaults."""


class ResponseShape:
    """What all Response objects to one request have in common."""

    def __init__(self, fields: Mapping[str, Any]) -> None:
        """``fields`` of the request; what they hold must not change any more."""
        self._fields = {name: value for name, value in fields.items() if name != "input"}

    @cached_property
    def tail(self) -> str:
        """The JSON members, from the first comma to the closing brace.

        Written once, for the first answer: by then the request is long on its way.
        """
        return "," + to_json(_echo(self._fields), inf_nan_mode="null").decode()[1:]


@dataclass(frozen=True, slots=True)
class ResponseRenderer:
    """Writes the Response object of one answer in each of its states."""

    shape: ResponseShape
    response_id: str
    created_at: int
    """Unix seconds."""

    def render(
        self,
        status: Status,
        output: Sequence[OutputItem] = (),
        *,
        usage: Mapping[str, Any] | None = None,
        error: Mapping[str, Any] | None = None,
        incomplete_reason: str | None = None,
        completed_at: int | None = None,
    ) -> str:
        """The Response object as JSON text."""
        head = {
            "id": self.response_id,
            "object": "response",
            "created_at": self.created_at,
            "status": status,
            "completed_at": completed_at,
            "error": error,
            "incomplete_details": {"reason": incomplete_reason} if incomplete_reason else None,
            "output": output,
            "usage": usage,
        }
        return to_json(head).decode()[:-1] + self.shape.tail


def _echo(fields: Mapping[str, Any]) -> dict[str, Any]:
    echo: dict[str, Any] = {
        name: default if fields.get(name) is None else fields.get(name)
        for name, default in _ECHOED.items()
    }
    reasoning: Mapping[str, Any] = fields.get("reasoning") or {}
    echo["reasoning"] = {"effort": None, "summary": None} | {
        name: reasoning[name] for name in _OF_REASONING if reasoning.get(name) is not None
    }
    options = fields.get("prompt_cache_options")
    if options is not None:
        options = {name: options.get(name) or each for name, each in _OF_CACHE_OPTIONS.items()}
    echo["prompt_cache_options"] = options
    echo["text"] = _text(fields)
    echo["tools"] = [_tool(tool) for tool in fields.get("tools") or ()]
    echo.update(dict.fromkeys(_NEVER_SET))
    return echo


def _text(fields: Mapping[str, Any]) -> dict[str, Any]:
    settings: Mapping[str, Any] = fields.get("text") or {}
    text: dict[str, Any] = {"format": {"type": "text"}}
    text_format: Mapping[str, Any] | None = settings.get("format")
    if text_format:
        text["format"] = dict(text_format)
        if text_format["type"] == "json_schema":
            text["format"] |= {
                "description": text_format.get("description"),
                "strict": bool(text_format.get("strict")),
            }
    if settings.get("verbosity"):
        text["verbosity"] = settings["verbosity"]
    return text


def _tool(tool: Mapping[str, Any]) -> Mapping[str, Any]:
    if tool["type"] != "function":
        return tool
    return {"description": None, "parameters": None, "strict": None, **tool}
