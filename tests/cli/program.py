"""A program that ``exec`` runs in tests: it tells what it sees, then does what it reads.

    python program.py [SIGNAL ...]

Each of the signals is told of when it comes, and does nothing else. A line on standard input
is ``exit STATUS``, or ``kill SIGNAL`` for an end by that signal; at its end the program ends.
"""

from __future__ import annotations

import json
import os
import select
import signal
import sys
from typing import Final

_STDIN: Final = 0


def main() -> int:
    """Runs the program; gives its exit status."""
    # a signal that comes just before a read would be told of after it only
    heard, hear = os.pipe()
    os.set_blocking(hear, False)
    signal.set_wakeup_fd(hear)
    for name in sys.argv[1:]:
        signal.signal(getattr(signal, name), lambda *_: None)
    _say(json.dumps({"env": dict(os.environ), "foreground": _is_in_foreground()}))
    while True:
        ready, _, _ = select.select([_STDIN, heard], [], [])
        if heard in ready:
            for number in os.read(heard, 64):
                _say(f"heard {signal.Signals(number).name}")
        if _STDIN in ready:
            words = os.read(_STDIN, 1024).split()
            if not words:
                return 0
            what, argument = map(bytes.decode, words)
            if what == "exit":
                return int(argument)
            os.kill(os.getpid(), getattr(signal, argument))


def _is_in_foreground() -> bool:
    return os.isatty(0) and os.tcgetpgrp(0) == os.getpgrp()


def _say(line: str) -> None:
    os.write(1, f"{line}\n".encode())


if __name__ == "__main__":
    sys.exit(main())
