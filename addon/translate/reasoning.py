"""The reasoning of earlier turns: upstreams in thinking mode want it back with the calls.

A client that asks for ``reasoning.encrypted_content`` carries it to and fro under seal
(``sealing``). For the others it is remembered here, in the memory of the process, by the
calls that it led to: they are what every client sends back.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from typing import Final, TypeAlias

from addon.translate.json_edge import JsonValue, mend_surrogates, parse_json
from addon.translate.sealing import Seal

CallKey: TypeAlias = tuple[str, str, str]
"""By which a call is known again: its id, the name of the Chat function, its arguments' text.

The id alone would not do: some upstreams number their calls anew in every answer. Nor
would the arguments as they are written: clients read them and write them again.
"""

_MAX_CALLS: Final = 4096
_MAX_BYTES: Final = 32 * 1024 * 1024


class Recollection:
    """The reasoning of earlier turns: what travels sealed, and what is remembered here.

    Without a ``seal`` nothing can be sealed or unsealed, without a ``memory`` nothing is
    remembered.
    """

    __slots__ = ("_memory", "_seal")

    def __init__(self, seal: Seal | None = None, memory: ReasoningMemory | None = None) -> None:
        self._seal = seal
        self._memory = memory

    def unseal(self, encrypted_content: str) -> str | None:
        """The reasoning in a client's ``encrypted_content``; None: not ours, or not whole."""
        return self._seal.unseal(encrypted_content) if self._seal is not None else None

    def recall(self, call_id: str, name: str, arguments: str) -> str | None:
        """The reasoning that led to a call, if it is remembered.

        ``name`` and ``arguments`` are those of the Chat function; the latter may be written
        otherwise than the upstream did, with null members gone.
        """
        memory = self._memory
        if memory is None or hash((call_id, name)) not in memory.labels:
            return None
        return memory.recall((call_id, name, arguments))

    def seal(self, text: str) -> str | None:
        """``text`` as ``encrypted_content``; None: there is no key, or it is beyond all measure."""
        return self._seal.seal(text) if self._seal is not None else None

    def remember(self, calls: Iterable[CallKey], text: str) -> None:
        """Keeps ``text`` as the reasoning that led to ``calls``, all of one turn."""
        if self._memory is not None:
            self._memory.remember(calls, text)


@dataclass(slots=True, eq=False)
class _Turn:
    """What was thought in a turn, kept once however many calls it led to."""

    thought: bytes
    """In UTF-8, so that its length is what it takes."""
    calls: dict[int, int]
    """The digests of those by which it is found, each with that of its label."""


class ReasoningMemory:
    """The reasoning of the turns that were used last, by their calls. For one event loop.

    It never holds more than ``max_calls`` calls and ``max_bytes`` of text: the turn that
    was not remembered or recalled for longest goes first, whole.
    """

    __slots__ = ("_bytes", "_digests", "_max_bytes", "_max_calls", "_turn_of", "_turns", "labels")

    def __init__(self, max_calls: int = _MAX_CALLS, max_bytes: int = _MAX_BYTES) -> None:
        self._max_calls = max_calls
        self._max_bytes = max_bytes
        self._bytes = 0
        self._turn_of: dict[int, _Turn] = {}
        """By the digest of a call."""
        self.labels: Counter[int] = Counter()
        """How many of them have the same id and name, by the hash of these: a call of which there
        is none need not be looked at closer."""
        self._digests: dict[int, int] = {}
        """Those of the calls that were asked for, by the hash of what was written."""
        self._turns: OrderedDict[_Turn, None] = OrderedDict()
        """The one that goes next comes first."""

    def remember(self, calls: Iterable[CallKey], text: str) -> None:
        """Keeps ``text`` for ``calls``; what was known of one of them before is forgotten.

        A turn that is beyond the bounds all by itself is not kept.
        """
        known_by = {_digest(call): _label(call) for call in calls}
        turn = _Turn(mend_surrogates(text).encode(), known_by)
        for digest in known_by:
            self._forget_call(digest)
        too_much = len(turn.calls) > self._max_calls or len(turn.thought) > self._max_bytes
        if too_much or not turn.calls or not turn.thought:
            return
        self._bytes += len(turn.thought)
        self._turns[turn] = None
        self._turn_of.update(dict.fromkeys(known_by, turn))
        self.labels.update(known_by.values())
        while len(self._turn_of) > self._max_calls or self._bytes > self._max_bytes:
            self._forget_turn(next(iter(self._turns)))

    def recall(self, call: CallKey) -> str | None:
        """The text that was remembered last for ``call``, whose turn thereby stays for longer."""
        turn = self._turn_of.get(self._digest(call))
        if turn is None:
            return None
        self._turns.move_to_end(turn)
        return turn.thought.decode()

    def _digest(self, call: CallKey) -> int:
        """The digest of a call that is likely to come again, written in the same way."""
        written = hash(call)
        digest = self._digests.get(written)
        if digest is None:
            if len(self._digests) >= self._max_calls:
                self._digests.clear()
            digest = self._digests[written] = _digest(call)
        return digest

    def _forget_call(self, digest: int) -> None:
        turn = self._turn_of.pop(digest, None)
        if turn is not None:
            self._forget_label(turn.calls.pop(digest))
            if not turn.calls:
                self._forget_turn(turn)

    def _forget_turn(self, turn: _Turn) -> None:
        del self._turns[turn]
        self._bytes -= len(turn.thought)
        for digest, label in turn.calls.items():
            del self._turn_of[digest]
            self._forget_label(label)

    def _forget_label(self, label: int) -> None:
        self.labels[label] -= 1
        if not self.labels[label]:
            del self.labels[label]


def _label(call: CallKey) -> int:
    call_id, name, _ = call
    return hash((call_id, name))


def _digest(call: CallKey) -> int:
    """The same for all ways to write ``call``; of a fixed size, however long it is.

    Python's own hash will do: it need not outlive the process, and its 64 bits tell a few
    thousand calls apart.
    """
    call_id, name, arguments = call
    try:
        # no arguments at all come back as an empty object
        meant = _meant(parse_json(arguments.encode() or b"{}"))
    except (ValueError, OverflowError):
        meant = arguments
    return hash((call_id, name, meant))


def _meant(value: JsonValue) -> Hashable:
    """Equal for values that are the same to a client which reads and writes them again.

    It may leave out members that are null, and to JavaScript all numbers are doubles.
    Raises OverflowError for a number that is none.
    """
    if isinstance(value, str):
        return value
    if isinstance(value, dict):
        members = [(name, _meant(each)) for name, each in value.items() if each is not None]
        return frozenset(members)
    if isinstance(value, list):
        return tuple(map(_meant, value))
    return float(value) if isinstance(value, int) else value
