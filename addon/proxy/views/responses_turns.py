"""The Responses API as a conversation: a request, a Response, a stream of events."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from addon.proxy.views.bounds import LONGEST_TEXT, human_size
from addon.proxy.views.turns import (
    Conversation,
    JsonObject,
    Part,
    Said,
    Turn,
    compact,
    list_of,
    model_line,
    name_of,
    object_of,
    placeholder,
    settings_line,
    text_of,
    tools_line,
    usage_line,
)
from addon.translate.json_edge import mend_surrogates

_NOT_SETTINGS: Final = frozenset(("model", "input", "instructions", "tools"))
_TEXTS: Final = ("input_text", "output_text", "text", "summary_text", "reasoning_text")

FINAL_EVENTS: Final = frozenset(("response.completed", "response.incomplete", "response.failed"))
"""Each holds the whole Response."""


def responses_request(body: JsonObject) -> Conversation:
    """The request ``body``."""
    given = body.get("input")
    items: list[object] = [{"role": "user", "content": given}] if isinstance(given, str) else []
    items += list_of(given)
    facts = [
        f"{_api(body)}, {len(items)} items",
        *tools_line([*_tool_names(list_of(body.get("tools")))]),
        *settings_line(body, _NOT_SETTINGS),
    ]
    if body.get("instructions"):
        items.insert(0, {"role": "instructions", "content": body["instructions"]})
    return Conversation(facts, items, responses_turn)


def responses_answer(response: JsonObject) -> Conversation:
    """The answer ``response``."""
    facts = [_api(response)]
    if usage := usage_line(response.get("usage")):
        facts.append(usage)
    ending = [f"status {name_of(response.get('status'))}"] if response.get("status") else []
    if reason := object_of(response.get("incomplete_details")).get("reason"):
        ending[-1:] = [f"{''.join(ending)}: {name_of(reason)}"]
    if error := response.get("error"):
        told = object_of(error)
        ending.append(f"error: {name_of(told.get('code'))}: {text_of(told.get('message'))}")
    return Conversation(facts, list_of(response.get("output")), responses_turn, ending)


def _api(body: JsonObject) -> str:
    return model_line("Responses API", body)


def _tool_names(tools: Sequence[object]) -> Iterator[str]:
    for tool in map(object_of, tools):
        name = name_of(tool.get("name") or tool.get("type"))
        if tool.get("type") == "namespace":
            yield from (f"{name}.{inner}" for inner in _tool_names(list_of(tool.get("tools"))))
        else:
            yield name


def responses_turn(item: object) -> Turn:
    """One item of a request, or of an answer."""
    given = object_of(item)
    kind = text_of(given.get("type"))
    if kind == "reasoning":
        return Turn("assistant", _reasoning(given))
    if kind.endswith("_call_output") or kind == "tool_search_output":
        return Turn("tool", _output(given), name_of(given.get("call_id") or given.get("id")))
    if kind.endswith("_call"):
        return Turn("assistant", [_call(given, kind)])
    if kind in ("", "message") and given:
        return Turn(name_of(given.get("role")) or "assistant", _content(given.get("content")))
    return Turn(kind or "item", [Part(Said.NOTE, text_of(item))])


def _content(content: object) -> list[Part]:
    if isinstance(content, list):
        return [_part(object_of(part), part) for part in content]
    return [Part(Said.TEXT, text)] if (text := text_of(content)) else []


def _part(part: JsonObject, given: object) -> Part:
    kind = part.get("type")
    if kind in _TEXTS:
        return Part(Said.TEXT, text_of(part.get("text")))
    match kind:
        case "refusal":
            return Part(Said.TEXT, text_of(part.get("refusal")))
        case "input_image":
            return placeholder("image", part.get("image_url") or part.get("file_id"))
        case "input_file":
            sources = (part.get(key) for key in ("file_data", "file_url", "file_id"))
            return placeholder("file", next(filter(None, sources), None), part.get("filename"))
        case "input_audio":
            audio = object_of(part.get("input_audio"))
            return placeholder("audio", audio.get("data"), audio.get("format"))
        case _:
            return Part(Said.NOTE, text_of(given))


def _reasoning(item: JsonObject) -> list[Part]:
    parts = [
        Part(Said.REASONING, part.text)
        for field in ("summary", "content")
        for part in _content(item.get(field))
    ]
    if isinstance(sealed := item.get("encrypted_content"), str):
        parts.append(Part(Said.NOTE, f"[sealed reasoning, {human_size(len(sealed))}]"))
    return parts


def _call(item: JsonObject, kind: str) -> Part:
    name = name_of(item.get("name")) or kind.removesuffix("_call")
    if namespace := name_of(item.get("namespace")):
        name = f"{namespace}.{name}"
    given = next((item[k] for k in ("arguments", "input", "action", "operation") if k in item), "")
    told = " · ".join(filter(None, (name, name_of(item.get("call_id") or item.get("id")))))
    arguments = given if isinstance(given, str) else compact(given, LONGEST_TEXT)
    return Part(Said.CALL, arguments, told)


def _output(item: JsonObject) -> list[Part]:
    output = item.get("output")
    if item.get("type") == "tool_search_output":
        found = ", ".join(_tool_names(list_of(item.get("tools"))))
        return [Part(Said.NOTE, f"[found: {found}]")]
    if item.get("type") != "shell_call_output":
        return _content(output)
    return [
        Part(Said.TEXT, f"{text_of(run.get('stdout'))}{text_of(run.get('stderr'))}")
        for run in map(object_of, list_of(output))
    ]


# --- a stream, put together


def joined(events: Iterable[JsonObject]) -> dict[str, Any]:
    """The Response that ``events`` bring piece by piece, as far as they go."""
    response: dict[str, Any] = {}
    items: dict[object, dict[str, Any]] = {}
    pieces: dict[tuple[object, _Field], list[str]] = {}
    for event in events:
        kind, place = text_of(event.get("type")), event.get("output_index")
        if kind == "response.created" or kind in FINAL_EVENTS:
            response = dict(object_of(event.get("response")))
        elif kind in ("response.output_item.added", "response.output_item.done"):
            items[place] = dict(object_of(event.get("item")))
        elif (field := _FIELDS.get(kind)) and isinstance(delta := event.get("delta"), str):
            items.setdefault(place, {"type": field.of})
            pieces.setdefault((place, field), []).append(delta)
        elif kind == "error":
            response["error"] = event.get("error") or event
    for (place, field), texts in pieces.items():
        field.fill(items[place], mend_surrogates("".join(texts)))
    return response if response.get("output") else {**response, "output": [*items.values()]}


@dataclass(frozen=True, slots=True)
class _Field:
    """What the pieces of one kind make up."""

    of: str
    """The type of the item."""
    name: str
    part: str | None
    """The type of the part, where the field is a list of parts."""

    def fill(self, item: dict[str, Any], text: str) -> None:
        """Puts ``text`` into ``item``, unless that has been told as a whole by now."""
        if not item.get(self.name):
            item[self.name] = [{"type": self.part, "text": text}] if self.part else text


_FIELDS: Final = {
    f"response.{name}.delta": field
    for name, field in {
        "output_text": _Field("message", "content", "output_text"),
        "refusal": _Field("message", "content", "output_text"),
        "reasoning_summary_text": _Field("reasoning", "summary", "summary_text"),
        "reasoning_text": _Field("reasoning", "content", "reasoning_text"),
        "reasoning": _Field("reasoning", "content", "reasoning_text"),
        "function_call_arguments": _Field("function_call", "arguments", None),
        "custom_tool_call_input": _Field("custom_tool_call", "input", None),
    }.items()
}
"""By the event that brings a piece."""
