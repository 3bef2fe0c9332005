"""The Vercel AI SDK (npm ``ai`` and ``@ai-sdk/openai``), at work in a Node program of ours."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.support.chat import MODEL
from tests.support.program import NODE_MODULES, run

CLIENT_KEY: Final = "sk-key-that-the-ai-sdk-was-given"

_PROGRAM: Final = NODE_MODULES.with_name("ai_sdk.mjs")

Part = dict[str, Any]
"""A part of a step's content, or of a stream, as the SDK gives it."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the SDK made of a conversation."""

    steps: list[list[Part]]
    """The content of each step: text, reasoning, calls and their results."""
    parts: list[Part]
    """The parts of the stream, where one was asked for, in order."""
    logprobs: list[Part]
    """The log probabilities of all tokens, where they were asked for."""
    output: Any
    """The parsed answer, where a form was given."""
    error: Part | None
    """``name``, ``message`` and, where the request was refused, ``status`` and ``body``."""
    warnings: list[str]
    """What the SDK had to say about the requests that it sent."""
    files: dict[str, str]
    """What the tools wrote."""

    def of_type(self, kind: str) -> list[Part]:
        """The parts of this type of all steps."""
        return [part for step in self.steps for part in step if part["type"] == kind]

    def streamed(self, kind: str) -> list[str]:
        """The pieces that came as parts of this type."""
        return [part["text"] for part in self.parts if part["type"] == kind]


@dataclass(frozen=True, slots=True)
class AiSdk:
    """The SDK with one provider of models. Each conversation is a process of its own."""

    folder: Path
    base_url: str

    def ask(self, prompt: str, *, streams: bool = False, **job: object) -> Outcome:
        """A conversation that begins with ``prompt`` and goes on until no tool is called.

        ``job``: ``tools``, names from the program's table; ``form``: a JSON Schema for the answer;
        ``system``: instructions; ``options``: the provider's own. Of these ``store`` is false
        unless told otherwise.
        """
        node = shutil.which("node")
        assert node, "Node.js is missing: scripts/test installs it with npm"
        told = {
            "baseURL": self.base_url,
            "apiKey": CLIENT_KEY,
            "model": MODEL,
            "prompt": prompt,
            "streams": streams,
            **job,
        }
        done = run(
            [node, str(_PROGRAM)],
            cwd=self.folder,
            home=self.folder,
            env={},
            stdin=json.dumps(told),
        )
        assert done.status == 0, done
        return Outcome(**json.loads(done.stdout))
