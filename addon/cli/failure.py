"""What a command raises where only the user can help."""

from __future__ import annotations


class CommandFailed(Exception):
    """The message is for the user: one sentence that says what is wrong and what to do."""

    def __init__(self, message: str, *, status: int = 1) -> None:
        """``status`` is the exit status."""
        super().__init__(message)
        self.status = status
