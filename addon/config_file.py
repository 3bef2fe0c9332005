"""Reading a config file: JSON in which comments and trailing commas are allowed.

It only reads, and what it says of a broken file never quotes from it.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Final

import json5

_JSON5_FAULT: Final = re.compile(r"<string>:(?P<line>\d+) (?P<what>.*) at column (?P<column>\d+)")


class ConfigFileFault(ValueError):
    """A config file that cannot be used; the message names the file and, where known, the place."""


def read_config(path: Path) -> dict[str, object] | None:
    """The object that ``path`` holds, or None where there is no such file.

    A byte order mark is tolerated. Raises ConfigFileFault.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ConfigFileFault(f"{path}: cannot be read: {error.strerror}") from None
    try:
        value = parse_config(data.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise ConfigFileFault(f"{path}: is not UTF-8 text") from None
    except ConfigSyntaxFault as fault:
        raise ConfigFileFault(f"{path}:{fault}") from None
    if not isinstance(value, dict):
        raise ConfigFileFault(f'{path}: must hold an object, such as {{"quiet_mode": true}}')
    return value


class ConfigSyntaxFault(ValueError):
    """Not JSON, even with comments allowed; the message begins with line and column."""

    def __init__(self, line: int, column: int, what: str) -> None:
        super().__init__(f"{line}:{column}: is not JSON: {what}")


def parse_config(text: str) -> object:
    """The value of ``text``. Raises ConfigSyntaxFault."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        pass  # the quick way did not understand it; json5 takes more, and tells where it stops
    if not text.strip():
        raise ConfigSyntaxFault(1, 1, "it is empty")
    try:
        return json5.loads(text)
    except RecursionError:
        raise ConfigSyntaxFault(1, 1, "it nests too deep") from None
    except ValueError as error:
        raise _syntax_fault(str(error)) from None


def _syntax_fault(message: str) -> ConfigSyntaxFault:
    """json5's message, ``<string>:3 Unexpected "}" at column 7``, taken apart."""
    found = _JSON5_FAULT.fullmatch(message)
    if found is None:
        return ConfigSyntaxFault(1, 1, "json5 refuses it")
    return ConfigSyntaxFault(int(found["line"]), int(found["column"]), found["what"].lower())
