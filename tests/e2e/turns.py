"""What the model says in the tests of several clients, and how the clients ask for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import pytest

from tests.support.chat import ToolCall
from tests.support.thinking_model import Turn, call

PLAIN_AND_STREAMED: Final = pytest.mark.parametrize(
    "streams", [False, True], ids=["plain", "streamed"]
)

GREETING: Final = "Grüße aus Köln 👋\n"
WRITES: Final = Turn(
    "Let me write.",
    "Two files 🤔, then.",
    (
        call("call_a", "write", path="a.txt", content=GREETING),
        call("call_b", "write", path="b.txt", content='"B"'),
    ),
)
READS: Final = Turn("", "Is it there?", (call("call_c", "read", path="a.txt"),))
SAYS: Final = Turn("Both are written.", "That is all.")

QUERY: Final = 'SELECT "ü"\nFROM t'


@dataclass(frozen=True, slots=True)
class Use:
    """A call of a tool that is no function to the client."""

    call: ToolCall
    """As the upstream makes it: of the function that stands for the tool, by the same name."""
    output: str
    """Part of what the tool answers."""

    def __str__(self) -> str:
        return self.call.id

    @property
    def turn(self) -> Turn:
        """The turn that makes the call."""
        return Turn("I use it.", "A tool, then.", (self.call,))


CUSTOM: Final = Use(call("call_query", "query", input=QUERY), f"rows of {QUERY}")
CLIENTS_TOOLS: Final = (
    CUSTOM,
    Use(call("call_shell", "shell", commands=["ls", "pwd"], timeout_ms=9), "ran pwd"),
    Use(
        call("call_local_shell", "local_shell", command=["ls", "-l"], env={"A": "b"}),
        "ran ls -l",
    ),
    Use(
        call("call_create", "apply_patch", type="create_file", path="a.txt", diff="+Grüße\n"),
        "create_file a.txt",
    ),
    Use(
        call("call_delete", "apply_patch", type="delete_file", path="a.txt"),
        "delete_file a.txt",
    ),
)
EACH_OF_THE_CLIENTS_TOOLS: Final = pytest.mark.parametrize("use", CLIENTS_TOOLS, ids=str)
