"""Chat Completions as a conversation: a request, a whole answer, a stream of chunks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from addon.proxy.views.turns import (
    Conversation,
    JsonObject,
    Part,
    Said,
    Turn,
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

_REASONING: Final = ("reasoning_content", "reasoning")
_NOT_SETTINGS: Final = frozenset(("model", "messages", "tools", "functions"))


def chat_request(body: JsonObject) -> Conversation:
    """The request ``body``."""
    messages, tools = list_of(body.get("messages")), list_of(body.get("tools"))
    names = [name_of(object_of(object_of(t).get("function")).get("name")) for t in tools]
    facts = [
        f"{_api(body)}, {len(messages)} messages",
        *tools_line(names),
        *settings_line(body, _NOT_SETTINGS),
    ]
    return Conversation(facts, messages, chat_turn)


def chat_answer(body: JsonObject) -> Conversation:
    """The whole answer ``body``, or what ``joined`` has made of a stream."""
    choices = [object_of(choice) for choice in list_of(body.get("choices"))]
    facts = [_api(body)]
    if usage := usage_line(body.get("usage")):
        facts.append(usage)
    endings = [name_of(choice.get("finish_reason")) for choice in choices]
    ending = [f"finish_reason {reason}" for reason in endings if reason]
    if not ending and choices:
        ending = ["no finish_reason"]
    if error := body.get("error"):
        ending.append(f"error: {text_of(object_of(error).get('message') or error)}")
    return Conversation(facts, [choice.get("message") for choice in choices], chat_turn, ending)


def _api(body: JsonObject) -> str:
    return model_line("Chat Completions", body)


def chat_turn(message: object) -> Turn:
    """One message of a request, or of an answer."""
    given = object_of(message)
    role = name_of(given.get("role")) or "assistant"
    parts = [
        Part(Said.REASONING, text) for field in _REASONING if (text := text_of(given.get(field)))
    ]
    parts += _content(given.get("content"))
    if refusal := text_of(given.get("refusal")):
        parts.append(Part(Said.TEXT, refusal))
    parts += [_call(object_of(call)) for call in list_of(given.get("tool_calls"))]
    if not given and message is not None:
        parts = [Part(Said.NOTE, text_of(message))]
    return Turn(role, parts, name_of(given.get("tool_call_id")))


def _content(content: object) -> list[Part]:
    if isinstance(content, list):
        return [_part(object_of(part), part) for part in content]
    return [Part(Said.TEXT, text)] if (text := text_of(content)) else []


def _part(part: JsonObject, given: object) -> Part:
    match part.get("type"):
        case "text":
            return Part(Said.TEXT, text_of(part.get("text")))
        case "refusal":
            return Part(Said.TEXT, text_of(part.get("refusal")))
        case "image_url":
            image = part.get("image_url")
            return placeholder("image", object_of(image).get("url", image))
        case "input_audio":
            audio = object_of(part.get("input_audio"))
            return placeholder("audio", audio.get("data"), audio.get("format"))
        case "file":
            file = object_of(part.get("file"))
            source = file.get("file_data") or file.get("file_id")
            return placeholder("file", source, file.get("filename"))
        case _:
            return Part(Said.NOTE, text_of(given))


def _call(call: JsonObject) -> Part:
    function = object_of(call.get("function") or call.get("custom"))
    arguments = function.get("arguments", function.get("input"))
    return Part(Said.CALL, text_of(arguments), _call_name(function.get("name"), call.get("id")))


def _call_name(name: object, id_: object) -> str:
    return " · ".join(filter(None, (name_of(name), name_of(id_))))


# --- a stream, put together


def joined(chunks: Iterable[JsonObject]) -> dict[str, Any]:
    """The answer that ``chunks`` bring piece by piece, as one that came whole."""
    answer: dict[str, Any] = {}
    choices: dict[object, _Choice] = {}
    for chunk in chunks:
        answer.update((key, chunk[key]) for key in ("model", "usage", "error") if chunk.get(key))
        for place, each in enumerate(list_of(chunk.get("choices"))):
            given = object_of(each)
            index = given.get("index")
            number = index if isinstance(index, int) else place
            choices.setdefault(number, _Choice()).take(given)
    return {**answer, "choices": [choice.whole() for choice in choices.values()]}


class _Choice:
    """The pieces of one choice."""

    def __init__(self) -> None:
        self._texts: dict[str, list[str]] = {}
        self._calls: dict[object, dict[str, list[str]]] = {}
        self._finish_reason: object = None

    def take(self, choice: JsonObject) -> None:
        delta = object_of(choice.get("delta") or choice.get("message"))
        for field in (*_REASONING, "content", "refusal"):
            if isinstance(piece := delta.get(field), str):
                self._texts.setdefault(field, []).append(piece)
        for call in list_of(delta.get("tool_calls")):
            self._take_call(object_of(call))
        self._finish_reason = choice.get("finish_reason") or self._finish_reason

    def _take_call(self, call: JsonObject) -> None:
        index, id_, function = call.get("index"), call.get("id"), object_of(call.get("function"))
        if not isinstance(index, int):
            # without a number a new id begins a new call
            is_new = bool(id_) or not self._calls
            index = len(self._calls) if is_new else [*self._calls][-1]
        pieces = self._calls.setdefault(index, {"id": [], "name": [], "arguments": []})
        if id_ and not pieces["id"]:
            pieces["id"].append(text_of(id_))
        if (name := function.get("name")) and not pieces["name"]:
            pieces["name"].append(text_of(name))
        if arguments := function.get("arguments"):
            pieces["arguments"].append(text_of(arguments))

    def whole(self) -> dict[str, Any]:
        texts = {field: _together(pieces) for field, pieces in self._texts.items()}
        calls = [
            {
                "id": _together(call["id"]),
                "function": {
                    "name": _together(call["name"]),
                    "arguments": _together(call["arguments"]),
                },
            }
            for call in self._calls.values()
        ]
        message = {"role": "assistant", **texts, "tool_calls": calls}
        return {"message": message, "finish_reason": self._finish_reason}


def _together(pieces: Sequence[str]) -> str:
    """The halves of a character may have come in two pieces."""
    return mend_surrogates("".join(pieces))
