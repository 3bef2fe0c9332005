"""The simulated model: decides what to answer, the same every time it is asked the same.

In this order: a tool that the request demands; tools that the user asks for by a
directive; a form to fill in; a title; the outputs of tools, quoted; a greeting. Then the
limits of the request cut the answer, as they cut a real one. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

from pydantic_core import to_json

from addon.sandbox import tokens
from addon.sandbox.directives import Call, blank_call, calls_in
from addon.sandbox.instance import NoInstance, minimal_instance
from addon.sandbox.request import ChatRequest, Message, Tool


@dataclass(frozen=True, slots=True)
class Model:
    """A model that the sandbox serves."""

    name: str
    context_tokens: int


MODELS: Final = {
    model.name: model
    for model in (
        Model("qwen3-coder-plus", context_tokens=1_000_000),
        Model("qwen3-vl-plus", context_tokens=262_144),
        Model("coder-model", context_tokens=1_000_000),
        Model("vision-model", context_tokens=262_144),
    )
}

_TITLE_REQUEST: Final = re.compile(
    r"\b(?:title generator|(?:generate|write|create) a (?:short |brief |concise )*title)\b",
    re.IGNORECASE,
)
_LONGEST_QUOTE: Final = 200
_TITLE_WORDS: Final = 6


@dataclass(frozen=True, slots=True)
class Answer:
    """What the model says. Where it calls tools, ``text`` goes before the calls."""

    text: str = ""
    reasoning: str = ""
    calls: tuple[Call, ...] = ()
    finish_reason: Literal["stop", "length", "tool_calls"] = "stop"


def answer(request: ChatRequest) -> Answer:
    """The model's answer to ``request``, a valid one."""
    calls = _calls(request)
    text = _before_calls(calls) if calls else _text(request)
    reasoning = _reasoning(request, calls) if request.enable_thinking else ""
    finish: Literal["stop", "tool_calls"] = "tool_calls" if calls else "stop"
    return _within_limits(Answer(text, reasoning, calls, finish), request)


def _calls(request: ChatRequest) -> tuple[Call, ...]:
    if request.tool_choice == "none" or not request.tools:
        return ()
    tools = [tool for tool in request.tools if request.named_tool in (None, tool.name)]
    asked = () if _tool_outputs(request.messages) else calls_in(_asked(request), tools)
    if not asked and request.tool_choice != "auto":
        asked = (blank_call(tools[0]),)
    return asked if request.parallel_tool_calls else asked[:1]


def _text(request: ChatRequest) -> str:
    if request.answer_format == "json_object":
        return "{}"
    if request.answer_format == "json_schema":
        return _filled_in(request.answer_schema)
    outputs = _tool_outputs(request.messages)
    if outputs:
        return _about_outputs(request.messages, outputs)
    if not request.tools and any(_TITLE_REQUEST.search(each.text) for each in request.messages):
        return _title(_asked(request))
    return _greeting(request)


def _filled_in(schema: object) -> str:
    try:
        return to_json(minimal_instance(schema)).decode()
    except NoInstance as impossible:
        return f"I cannot fill in this form: {impossible}."


def _before_calls(calls: Sequence[Call]) -> str:
    names = ", ".join(dict.fromkeys(call.name for call in calls))
    return f"I will use {names} for that."


def _about_outputs(messages: Sequence[Message], outputs: Sequence[Message]) -> str:
    names = {call.id: call.name for message in messages for call in message.tool_calls}
    quotes = [f"{names[output.tool_call_id]} gave “{_quote(output.text)}”" for output in outputs]
    return f"Done ✅ {'; '.join(quotes)}."


def _title(asked: str) -> str:
    words = re.sub(r"[^\w\s.-]", " ", asked.splitlines()[-1] if asked else "").split()
    return " ".join(words[:_TITLE_WORDS]).strip(".- ").capitalize() or "A new session"


def _greeting(request: ChatRequest) -> str:
    asked = _asked(request)
    images = sum(message.images for message in request.messages)
    sentences = [
        "你好 👋 This is the Qwen sandbox: a simulation, with no account and no network behind it.",
        f"You wrote “{_quote(asked)}”." if asked else "",
        f"I count {images} image(s)." if images else "",
        _hint(request.tools),
    ]
    return " ".join(filter(None, sentences))


def _hint(tools: Sequence[Tool]) -> str:
    if not tools:
        return "Each word of this answer is a chunk of its own, so you can watch it stream."
    return (
        "To see a tool at work say “create a file hello.txt with hi”, "
        f"or “use {tools[0].name} {{…}}” with its arguments as JSON."
    )


def _reasoning(request: ChatRequest, calls: Sequence[Call]) -> str:
    plan = f"call {len(calls)} tool(s)" if calls else "answer in plain words"
    thought = f"The user wrote {len(tokens.split(_asked(request)))} words 🤔 so I will {plan}."
    return tokens.first(thought, request.thinking_budget)


def _asked(request: ChatRequest) -> str:
    """The text of the last user message that has any."""
    texts = (message.text for message in reversed(request.messages) if message.role == "user")
    return next(filter(None, texts), "")


def _tool_outputs(messages: Sequence[Message]) -> list[Message]:
    """The tool messages since the user last wrote something.

    Images that a tool gave cannot stand in its tool message: a user message right after it that
    shows images is taken for the rest of the output.
    """
    outputs: list[Message] = []
    for before, message in zip((None, *messages), messages, strict=False):
        after_tool = before is not None and before.role == "tool"
        if message.role == "tool":
            outputs.append(message)
        elif message.role == "user" and message.text and not (after_tool and message.images):
            outputs.clear()
    return outputs


def _quote(text: str) -> str:
    """``text`` on one line, and not too much of it."""
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST_QUOTE else f"{line[:_LONGEST_QUOTE]}…"


def _within_limits(whole: Answer, request: ChatRequest) -> Answer:
    """``whole``, cut at the first stop sequence and after ``max_tokens`` tokens.

    Reasoning has a budget of its own and does not count, as at Model Studio.
    """
    ends = [whole.text.find(stop) for stop in request.stop if stop in whole.text]
    if ends:
        whole = replace(whole, text=whole.text[: min(ends)], calls=(), finish_reason="stop")
    if request.max_tokens is None:
        return whole
    text = tokens.first(whole.text, request.max_tokens)
    if text != whole.text:
        return replace(whole, text=text, calls=(), finish_reason="length")
    return _with_room_for(whole, request.max_tokens - len(tokens.split(text)))


def _with_room_for(whole: Answer, room: int) -> Answer:
    """``whole`` with ``room`` tokens for its calls: the call that meets the limit is cut off."""
    kept: list[Call] = []
    for call in whole.calls:
        arguments = tokens.first(call.arguments, room)
        if arguments:
            kept.append(replace(call, arguments=arguments))
        if arguments != call.arguments:
            return replace(whole, calls=tuple(kept), finish_reason="length")
        room -= len(tokens.split(arguments))
    return whole
