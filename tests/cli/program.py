"""A program that ``exec`` runs in tests: it tells what it sees, then does what it reads.

    python program.py [SIGNAL ...]

Each of the signals is told of when it comes, and does nothing else. A line on standard input
is ``exit STATUS``, or ``kill SIGNAL`` for an end by that signal; at its end the program ends.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from types import FrameType


def main() -> int:
    """Runs the program; gives its exit status."""
    for name in sys.argv[1:]:
        signal.signal(getattr(signal, name), _tell)
    seen = {"env": dict(os.environ), "foreground": _is_in_foreground()}
    _say(json.dumps(seen))
    for line in sys.stdin:
        what, argument = line.split()
        if what == "exit":
            return int(argument)
        os.kill(os.getpid(), getattr(signal, argument))
    return 0


def _tell(number: int, _: FrameType | None) -> None:
    _say(f"heard {signal.Signals(number).name}")


def _is_in_foreground() -> bool:
    return os.isatty(0) and os.tcgetpgrp(0) == os.getpgrp()


def _say(line: str) -> None:
    os.write(1, f"{line}\n".encode())


if __name__ == "__main__":
    sys.exit(main())
