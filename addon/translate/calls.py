"""Tool calls while they arrive, in pieces, in parallel, and not always well labelled.

A fragment says by ``index`` which call it belongs to. Services leave the index
out, repeat the id or leave it empty in later fragments, send the name late, or
give all parallel calls the index 0 and tell them apart by id. ``receive`` finds
the call all the same, or begins one.

A call is announced to the client once its name is known, and its id too, or
arguments without one: from then on neither changes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from addon.translate.call_items import FunctionCallItem
from addon.translate.events import GrowingText
from addon.translate.json_edge import mend_surrogates


class PendingCall:
    """One call: what is known of it, and what of its arguments is yet to be handed on."""

    __slots__ = ("_waiting", "call_id", "item", "name")

    def __init__(self) -> None:
        self.call_id: str | None = None
        self.name = ""
        self.item: FunctionCallItem | None = None
        """Set once the client knows of the call."""
        self._waiting = GrowingText()

    @property
    def can_be_announced(self) -> bool:
        """Whether all that the client is told at the start is known, or will not come any more."""
        return bool(self.name) and (self.call_id is not None or not self._waiting.is_empty)

    @property
    def has_arguments(self) -> bool:
        """Whether any of the arguments have come."""
        return not self._waiting.is_empty or (self.item is not None and self.item.has_arguments)

    @property
    def waiting(self) -> str:
        """The arguments that have come and are yet to be handed on, in whole characters."""
        return mend_surrogates(str(self._waiting))

    def add(self, call_id: str | None, name: str | None, arguments: str) -> None:
        """Takes what one fragment holds; the first id and the first name count."""
        if call_id and self.call_id is None:
            self.call_id = call_id
        if name and not self.name:
            self.name = name
        if arguments:
            if self.item is not None:
                self.item.append(arguments)
            else:
                self._waiting.append(arguments)

    def announce(self, item: FunctionCallItem) -> None:
        """The client knows of the call from now on, as ``item``."""
        self.item = item
        waiting, self._waiting = self._waiting, GrowingText()
        for piece in waiting:
            item.append(piece)

    def holds(self, arguments: str) -> bool:
        """Whether these are the whole arguments so far, and not more of them."""
        if self.item is not None:
            return self.item.is_repeated_by(arguments)
        return self._waiting.is_repeated_by(arguments)


class CallsInProgress:
    """All calls of one answer, in the order in which they began."""

    __slots__ = ("_by_id", "_by_index", "_calls")

    def __init__(self) -> None:
        self._calls: list[PendingCall] = []
        self._by_index: dict[int, PendingCall] = {}
        self._by_id: dict[str, PendingCall] = {}

    def announced(self) -> list[tuple[PendingCall, FunctionCallItem]]:
        """The calls that the client knows of, in the order in which it learned of them."""
        known = [(call, call.item) for call in self._calls if call.item is not None]
        return sorted(known, key=lambda pair: pair[1].output_index)

    def unannounced(self) -> list[PendingCall]:
        """The calls that the client does not know of."""
        return [call for call in self._calls if call.item is None]

    def receive(self, fragment: Mapping[str, Any], *, is_last: bool) -> PendingCall | None:
        """The call that ``fragment`` belongs to, with the fragment added to it.

        None where the last chunk only repeats a call.
        """
        function = fragment.get("function")
        function = function if isinstance(function, dict) else {}
        call_id, name = _word(fragment.get("id")), _word(function.get("name"))
        arguments = _arguments(function.get("arguments"))
        call = self._find(fragment.get("index"), call_id, name)
        if is_last and call.holds(arguments):
            return None
        call.add(call_id, name, arguments)
        if call_id:
            self._by_id.setdefault(call.call_id or call_id, call)
        return call

    def goes_to(self, fragment: Mapping[str, Any]) -> FunctionCallItem | None:
        """The item of the call that more fragments labelled like this one, the last, belong to.

        None where that cannot be said: a name may begin another call.
        """
        function = fragment.get("function")
        if not isinstance(function, dict) or _word(function.get("name")):
            return None
        return self._find(fragment.get("index"), _word(fragment.get("id")), None).item

    def _find(self, index: object, call_id: str | None, name: str | None) -> PendingCall:
        if not isinstance(index, int):
            return self._find_by_id(call_id, name)
        call = self._by_index.get(index)
        if call is None or _is_another(call, call_id, name):
            call = self._by_index[index] = self._begin()
        return call

    def _find_by_id(self, call_id: str | None, name: str | None) -> PendingCall:
        """Without an index the id is the only label: a new one begins another call."""
        known = self._by_id.get(call_id) if call_id is not None else None
        if known is not None:
            return known
        last = self._calls[-1] if self._calls else None
        if last is None or (call_id is not None and last.call_id is not None):
            return self._begin()
        # No label at all: a name begins another call, once the last one has its own and more.
        return self._begin() if name and last.name and last.has_arguments else last

    def _begin(self) -> PendingCall:
        self._calls.append(PendingCall())
        return self._calls[-1]


def _is_another(call: PendingCall, call_id: str | None, name: str | None) -> bool:
    """Whether a fragment in ``call``'s place begins another call: it has a name, and a new id."""
    if not name or not call.name:
        return False
    return call_id is not None and call.call_id is not None and call_id != call.call_id


def _word(value: object) -> str | None:
    """An id or a name; what is empty or no string is not there."""
    if not value or not isinstance(value, str):
        return None
    return value if value.isascii() else mend_surrogates(value)


def _arguments(value: object) -> str:
    """Arguments are JSON text; services that send the object itself mean the same."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    return mend_surrogates(json.dumps(value, ensure_ascii=False, separators=(",", ":")))
