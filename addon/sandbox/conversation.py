"""Which conversations a strict Chat Completions service accepts: messages and their order.

Two passes. The first looks at each message alone, by the table of its role. The second,
only over messages that passed the first, looks at their order:

    one system message at most, and it stands first;
    a call's id is never used again;
    an assistant message with calls is followed at once by one tool message for each
    of them, in any order, and by nothing else before the last of these;
    so a tool message anywhere else is an orphan.

Rules: OpenAI's Chat Completions reference, and what Qwen's services were seen to refuse. Pure.
"""

from __future__ import annotations

import binascii
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, TypeAlias
from urllib.parse import urlsplit

from pydantic_core import from_json

from addon.sandbox.checks import (
    Check,
    Violation,
    array,
    either,
    integer,
    matching,
    non_empty_text,
    one_of,
    record,
    tagged,
    text,
)

Message: TypeAlias = Mapping[str, object]
"""A message that has passed the first pass."""

FUNCTION_NAME: Final = matching("[a-zA-Z0-9_-]{1,64}")
"""What a function may be called."""

THINKING_LACKS_REASONING: Final = (
    "The `reasoning_content` in the thinking mode must be passed back to the API"
)


def _image_url(value: object, param: str) -> Iterator[Violation]:
    """An http(s) URL, or a ``data:`` URL that holds an image in base64."""
    if not isinstance(value, str):
        yield Violation(param, f"{param} must be a string")
    elif value.startswith("data:"):
        header, _, data = value.partition(",")
        if not header.startswith("data:image/") or not header.endswith(";base64"):
            yield Violation(param, f"{param} must be data:image/<type>;base64,<data>")
        elif not _is_base64(data):
            yield Violation(param, f"{param} does not hold valid base64")
    elif not _is_web_url(value):
        yield Violation(param, f"{param} must be an http, https or data URL")


def _is_base64(data: str) -> bool:
    try:
        return bool(binascii.a2b_base64(data, strict_mode=True))
    except ValueError:
        return False


def _is_web_url(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname)


def _file(value: object, param: str) -> Iterator[Violation]:
    """A file by its id or by its data, not both."""
    fields: dict[str, Check] = dict.fromkeys(("file_data", "file_id", "filename"), non_empty_text)
    yield from record(fields)(value, param)
    if isinstance(value, dict) and ("file_data" in value) == ("file_id" in value):
        yield Violation(param, f"{param} must have either file_data or file_id")


def _json_object_text(value: object, param: str) -> Iterator[Violation]:
    """The text of a JSON object: what a call's arguments have to be."""
    try:
        is_object = isinstance(value, str) and isinstance(
            from_json(value, allow_inf_nan=False), dict
        )
    except ValueError:
        is_object = False
    if not is_object:
        yield Violation(
            param, 'The "function.arguments" parameter of the code model must be in JSON format.'
        )


_TEXT_PART: Final = record(
    {
        "type": text,
        "text": non_empty_text,
        "cache_control": record({"type": one_of("ephemeral")}, required=["type"]),
    },
    required=["text"],
)
_IMAGE_PART: Final = record(
    {
        "type": text,
        "image_url": record(
            {"url": _image_url, "detail": one_of("auto", "low", "high")}, required=["url"]
        ),
    },
    required=["image_url"],
)
_FILE_PART: Final = record({"type": text, "file": _file}, required=["file"])

_OF_RESPONSES: Final = "it belongs to the Responses API"
_FOREIGN_PARTS: Final = {
    "input_audio": "audio input is not supported",
    "input_file": _OF_RESPONSES,
    "input_image": _OF_RESPONSES,
    "input_text": _OF_RESPONSES,
    "output_text": _OF_RESPONSES,
}


def _content(parts: Mapping[str, Check], *, string: Check = non_empty_text) -> Check:
    """A message's content: a string, or a list of at least one part."""
    return either(string=string, otherwise=array(tagged("type", parts, foreign=_FOREIGN_PARTS)))


_TEXT_CONTENT: Final = _content({"text": _TEXT_PART})

_TOOL_CALL: Final = record(
    {
        "id": non_empty_text,
        "type": one_of("function"),
        # Qwen's own plain answers carry it, and clients send messages back as they got them.
        "index": integer(0),
        "function": record(
            {"name": FUNCTION_NAME, "arguments": _json_object_text},
            required=["name", "arguments"],
        ),
    },
    required=["id", "type", "function"],
    foreign={"call_id": _OF_RESPONSES, "name": _OF_RESPONSES, "arguments": _OF_RESPONSES},
)
_CALLING: Final = record(
    {
        "role": text,
        "name": non_empty_text,
        # A call needs no words beside it, so null and the empty string are content here.
        "content": lambda value, param: (
            iter(()) if value in (None, "") else _TEXT_CONTENT(value, param)
        ),
        "reasoning_content": text,
        "tool_calls": array(_TOOL_CALL),
    },
    required=["tool_calls"],
)
_SPEAKING: Final = record(
    {
        "role": text,
        "name": non_empty_text,
        "content": _TEXT_CONTENT,
        "reasoning_content": text,
    },
    required=["content"],
)


def _assistant(value: object, param: str) -> Iterator[Violation]:
    """An assistant message calls tools or has something to say."""
    is_calling = isinstance(value, dict) and "tool_calls" in value
    return (_CALLING if is_calling else _SPEAKING)(value, param)


_MESSAGE: Final = tagged(
    "role",
    {
        "system": record(
            {"role": text, "name": non_empty_text, "content": _TEXT_CONTENT}, required=["content"]
        ),
        "user": record(
            {
                "role": text,
                "name": non_empty_text,
                "content": _content(
                    {"text": _TEXT_PART, "image_url": _IMAGE_PART, "file": _FILE_PART}
                ),
            },
            required=["content"],
        ),
        "assistant": _assistant,
        "tool": record(
            {
                "role": text,
                "tool_call_id": non_empty_text,
                # A command that prints nothing has an output too: the empty one.
                "content": _content({"text": _TEXT_PART}, string=text),
            },
            required=["tool_call_id", "content"],
        ),
    },
    foreign={
        "developer": "developer is not a role here",
        "function": "function messages have become tool messages",
    },
)

MESSAGES: Final = array(_MESSAGE)
"""The first pass: every message for itself."""


def order_violations(messages: Sequence[Message]) -> Iterator[Violation]:
    """The second pass: the order of messages that are right each for itself."""
    yield from _system_comes_first(messages)
    yield from _calls_are_answered(messages)
    if not any(message["role"] in ("user", "tool") for message in messages):
        yield Violation(
            "messages", "The input messages do not contain elements with the role of user"
        )


def reasoning_violations(messages: Sequence[Message]) -> Iterator[Violation]:
    """With thinking on: calls of the turn under way whose reasoning was left out."""
    for index in range(len(messages) - 1, -1, -1):
        message = messages[index]
        if message["role"] == "user":
            return
        if "tool_calls" in message and "reasoning_content" not in message:
            yield Violation(f"messages[{index}].reasoning_content", THINKING_LACKS_REASONING)


def _system_comes_first(messages: Sequence[Message]) -> Iterator[Violation]:
    for index, message in enumerate(messages):
        if index > 0 and message["role"] == "system":
            yield Violation(
                f"messages[{index}].role",
                "there may be one system message, and it must stand first",
            )


def _calls_are_answered(messages: Sequence[Message]) -> Iterator[Violation]:
    used: set[str] = set()
    unanswered: dict[str, int] = {}
    """Call id → index of the assistant message that made the call."""
    for index, message in enumerate(messages):
        param = f"messages[{index}]"
        if message["role"] == "tool":
            call_id = str(message["tool_call_id"])
            if unanswered.pop(call_id, None) is None:
                yield Violation(f"{param}.tool_call_id", _orphan(call_id, known=call_id in used))
            continue
        yield from _unanswered(unanswered)
        unanswered.clear()
        for position, call_id in enumerate(_call_ids(message)):
            if call_id in used:
                where = f"{param}.tool_calls[{position}].id"
                yield Violation(where, f"tool call id {call_id!r} was used before")
            used.add(call_id)
            unanswered[call_id] = index
    yield from _unanswered(unanswered)


def _call_ids(message: Message) -> list[str]:
    calls = message.get("tool_calls", [])
    return [call["id"] for call in calls] if isinstance(calls, list) else []


def _orphan(call_id: str, *, known: bool) -> str:
    if known:
        return f"tool call {call_id!r} has been answered, or its turn has passed"
    return (
        'messages with role "tool" must be a response to a preceding message with "tool_calls": '
        f"no call has the id {call_id!r}"
    )


def _unanswered(calls: Mapping[str, int]) -> Iterator[Violation]:
    if calls:
        yield Violation(
            f"messages[{min(calls.values())}].tool_calls",
            'An assistant message with "tool_calls" must be followed by tool messages responding '
            'to each "tool_call_id". The following tool_call_ids did not have response messages: '
            + ", ".join(calls),
        )
