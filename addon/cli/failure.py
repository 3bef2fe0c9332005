"""What a command raises where only the user can help."""

from __future__ import annotations


class CommandFailed(Exception):
    """The message is for the user: one sentence that says what is wrong and what to do."""
