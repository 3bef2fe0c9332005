"""The fuzzer of one target: ``python -m tests.fuzz.one TARGET [libFuzzer's arguments]``.

It runs in a process of its own, since libFuzzer ends the process when it is done, and since
the translators have to be imported under its eyes: it counts the branches that an input takes,
and goes on from those that take new ones.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

import atheris  # type: ignore[import-untyped, import-not-found, unused-ignore]

with atheris.instrument_imports(include=["addon.translate"]):
    from tests.fuzz.drawn import DRAWN
    from tests.fuzz.targets import TARGETS

_BYTES_ALONE = 8
"""One change in as many is libFuzzer's own, which knows nothing of JSON."""


def _mutator(mutate: Callable[[bytes, int], bytes]) -> Callable[[bytes, int, int], bytes]:
    def change(data: bytes, longest: int, seed: int) -> bytes:
        if seed % _BYTES_ALONE == 0:
            changed: bytes = atheris.Mutate(data, longest)
            return changed
        return mutate(data, seed)[:longest]

    return change


def main() -> None:
    """Fuzz until libFuzzer's arguments say that it is enough; never returns."""
    name, *arguments = sys.argv[1:]
    command = [sys.argv[0], *arguments]
    if name in DRAWN:
        draw = DRAWN[name]
        atheris.Setup(command, lambda data: draw(data) and None)
    else:
        target = TARGETS[name]
        atheris.Setup(command, target.check, custom_mutator=_mutator(target.mutate))
    atheris.Fuzz()


if __name__ == "__main__":
    # The specification is held against what the suite's inputs make; here it would take the time
    # of three more inputs for each.
    os.environ["OPENRESPONSES_SPEC"] = os.devnull
    main()
