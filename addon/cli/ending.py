"""How the program ends, whatever happens: with a status that means something, and no traceback.

0    done
1    not done, or the answer is no: one sentence says why
2    the command line makes no sense
130  stopped by Ctrl-C (128 and the signal's number, as shells tell it)

``exec`` hands on the status of the program that it ran.
"""

from __future__ import annotations

import contextlib
import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, NoReturn

from addon.cli.failure import CommandFailed

_FAILED: Final = 1
_INTERRUPTED: Final = 130


@contextmanager
def proper_end() -> Iterator[None]:
    """The context in which the command line runs; it ends the process where that failed."""
    _write_anything()
    try:
        try:
            yield
        finally:
            # what is still to be written can fail too
            if sys.stdout is not None:
                sys.stdout.flush()
    except CommandFailed as failure:
        _end(str(failure), failure.status)
    except KeyboardInterrupt:
        sys.exit(_INTERRUPTED)
    except BrokenPipeError:
        _write_no_more()
        sys.exit(_FAILED)
    except OSError as error:
        _write_no_more()
        what = error.strerror or str(error)
        _end(f"{error.filename}: {what}" if error.filename else what, _FAILED)


def _end(sentence: str, status: int) -> NoReturn:
    with contextlib.suppress(OSError):
        print(f"qwen-proxy: {sentence}", file=sys.stderr)
    sys.exit(status)


def _write_anything() -> None:
    """Labels and paths hold what the locale cannot show: let that be shown escaped."""
    for stream, errors in (
        (sys.stdout, "backslashreplace"),
        (sys.stderr, "backslashreplace"),
        (sys.stdin, "replace"),
    ):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=errors)


def _write_no_more() -> None:
    """What could not be written would be tried once more at the end, and be told of by Python."""
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
