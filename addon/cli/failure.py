"""What a command raises where only the user can help, and how programs hear of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO


class CommandFailed(Exception):
    """The message is for the user: one sentence that says what is wrong and what to do."""

    def __init__(self, message: str, *, status: int = 1) -> None:
        """``status`` is the exit status."""
        super().__init__(message)
        self.status = status


@contextmanager
def failures_told(out: TextIO, *, as_json: bool) -> Iterator[None]:
    """Tell a program that reads ``out`` of a failure, in one line of JSON, before it goes on."""
    try:
        yield
    except CommandFailed as failure:
        if as_json:
            print(json.dumps({"error": {"message": str(failure)}}), file=out, flush=True)
        raise
