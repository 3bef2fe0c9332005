"""What a user can say so that the simulated model calls tools.

Two forms, one a line; several lines make parallel calls:

    use NAME {"a": 1}                 calls the tool NAME with this JSON object
    create a file NAME with TEXT      calls a tool that can write files, if there is one

Lines that name no tool at hand, or hold no valid JSON, are ordinary text. A question
about what a tool gives (the weather, where there is ``get_weather``) calls it with
the smallest arguments it takes. Pure.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from pydantic_core import from_json, to_json

from addon.sandbox.instance import NoInstance, minimal_instance
from addon.sandbox.request import Tool

_USE: Final = re.compile(
    r"^\W*use\s+(?P<name>[\w-]{1,64})(?:\s+(?P<arguments>\{.*\}))?\W*$", re.IGNORECASE
)
_CREATE_FILE: Final = re.compile(
    r"\bcreate\s+(?:a\s+|the\s+)?(?:new\s+)?file\s+(?:named\s+|called\s+)?(?P<path>\S+)"
    r"\s+(?:with|containing)\s+(?:the\s+)?(?:(?:text|contents?)\b:?\s*)?(?P<content>.+)$",
    re.IGNORECASE,
)
_QUOTES: Final = "\"'`“”\u2018\u2019"


@dataclass(frozen=True, slots=True)
class Call:
    """A call that the model makes; ``arguments`` is the text of a JSON object."""

    name: str
    arguments: str


_FILE_WRITERS: Final[Mapping[tuple[str, str], Callable[[str, str], Mapping[str, str]]]] = {
    ("write", "filePath"): lambda path, text: {"filePath": path, "content": text},
    ("write", "file_path"): lambda path, text: {"file_path": path, "content": text},
    ("write_file", "path"): lambda path, text: {"path": path, "content": text},
    ("exec_command", "cmd"): lambda path, text: {
        "cmd": f"printf '%s\\n' {shlex.quote(text)} > {shlex.quote(path)}"
    },
    ("bash", "command"): lambda path, text: {
        "command": f"printf '%s\\n' {shlex.quote(text)} > {shlex.quote(path)}"
    },
}
"""Tools of agents that can write a file, by name and a parameter they have, best first."""


def calls_in(text: str, tools: Iterable[Tool]) -> tuple[Call, ...]:
    """The calls that ``text`` asks for, in its order, of the ``tools`` at hand."""
    at_hand = {tool.name: tool for tool in tools}
    calls = (_use(line, at_hand) or _create_file(line, at_hand) for line in text.splitlines())
    return tuple(call for call in calls if call) or _about_a_topic(text, at_hand.values())


def _about_a_topic(text: str, tools: Iterable[Tool]) -> tuple[Call, ...]:
    """The topic of a tool is in its name, after the verb."""
    words = set(re.findall(r"[a-z]+", text.lower())) if text.rstrip().endswith("?") else set()
    for tool in tools:
        topic = re.findall(r"[a-z]+", tool.name.lower())[1:]
        if topic and words.issuperset(topic):
            return (blank_call(tool),)
    return ()


def blank_call(tool: Tool) -> Call:
    """A call of ``tool`` with the smallest arguments that its parameters allow."""
    try:
        arguments = minimal_instance(tool.parameters)
    except NoInstance:
        arguments = {}
    return Call(tool.name, to_json(arguments if isinstance(arguments, dict) else {}).decode())


def _use(line: str, tools: Mapping[str, Tool]) -> Call | None:
    found = _USE.match(line)
    if not found or found["name"] not in tools:
        return None
    if found["arguments"] is None:
        return blank_call(tools[found["name"]])
    try:
        from_json(found["arguments"], allow_inf_nan=False)
    except ValueError:
        return None
    return Call(found["name"], found["arguments"])


def _create_file(line: str, tools: Mapping[str, Tool]) -> Call | None:
    found = _CREATE_FILE.search(line)
    if not found:
        return None
    path, content = found["path"].strip(_QUOTES), found["content"].strip().strip(_QUOTES)
    for (name, parameter), arguments in _FILE_WRITERS.items():
        if name in tools and parameter in tools[name].parameters.get("properties", {}):
            return Call(name, to_json(arguments(path, content)).decode())
    return None
