"""What the upstream says: a script of so many pieces of text, at such a pace.

The name of the model is the script, so that nobody has to tell the upstream anything else:
``bench-40-50`` is an answer of forty pieces, fifty a second; ``bench-40-0`` comes at once.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import cycle, islice
from typing import Final, Self

from tests.support.chat import Usage, events, text_stream

_MODEL: Final = re.compile(rb'"model"\s*:\s*"bench-(\d+)-(\d+)"')

_PIECES: Final = (
    *(" The", " answer", " is", " read", " as", " it", " comes", ","),
    *(" word", " for", " word", ".\n", ' It "quotes"', " über", " 狐", " C:\\", "\tand", " so on"),
)
"""Words as models write them: short, and some of them escaped in JSON."""

_AROUND: Final = 4
"""Events beside the pieces: the role, the reason to finish, the usage, ``[DONE]``."""


@dataclass(frozen=True, slots=True)
class Script:
    """One answer of the upstream's."""

    pieces: int
    per_second: int = 0
    """0: as fast as they go."""

    @classmethod
    def asked_for(cls, body: bytes) -> Self | None:
        """The script that a request's body names; None: it names none."""
        found = _MODEL.search(body)
        return cls(int(found[1]), int(found[2])) if found else None

    @property
    def model(self) -> str:
        """The name that asks for it."""
        return f"bench-{self.pieces}-{self.per_second}"

    def texts(self) -> list[str]:
        """The pieces of text."""
        return [*islice(cycle(_PIECES), self.pieces)]

    @property
    def text(self) -> str:
        """All that is said."""
        return "".join(self.texts())

    @property
    def usage(self) -> Usage:
        """What the upstream counts."""
        return Usage(prompt=11, completion=self.pieces)

    def events(self) -> list[bytes]:
        """The events of Chat Completions, each one whole."""
        return events(text_stream(*self.texts(), usage=self.usage))

    @property
    def event_count(self) -> int:
        """How many they are."""
        return self.pieces + _AROUND
