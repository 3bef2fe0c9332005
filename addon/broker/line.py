"""Requests that wait for an account, in the order in which they came.

Nobody in the line looks at the clock. Whatever may set an account free calls
``serve``: a lease was given back, the accounts or the settings changed, or the
alarm rang, which is set to the moment when the first account comes free. ``serve``
goes through the line once, and gives each request what it can use by then; so who
came first is served first, and nobody waits behind a request that asks for another
model. A request that waits is one future in the line, and leaves nothing behind when
its client leaves.

A file tells nobody that it was edited. So while somebody waits, and only then, the
alarm rings once a second at least, and the accounts are looked at before the line is.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final, Generic, Protocol, TypeAlias, TypeGuard, TypeVar

from addon.broker.refusals import NothingNow
from addon.broker.surroundings import Alarm, Surroundings
from addon.errors import ApiError
from addon.rotation.decision import Chosen, Decision, Limited, Needs

LOOK_AGAIN_SECONDS: Final = 1.0

_SHORTEST_WAIT_SECONDS: Final = 0.001
"""A clock may not have moved on by the end of a wait; it must not be asked in a circle."""

SeatT = TypeVar("SeatT")


@dataclass(frozen=True, slots=True)
class Wish:
    """What one request would like to have."""

    needs: Needs
    exclude: frozenset[str] = frozenset()
    """Ids of accounts that refused it already."""
    limited: frozenset[str] = frozenset()
    """Those of them that will serve it once a limit or a renewal is over: the last resort."""
    prefer: str | None = None
    """Id of the account that it would rather have than any other."""
    last_trouble: str | None = None
    """Why the account that it got before could not be used."""

    def rather_than(self, account_ids: frozenset[str]) -> Wish:
        """The wish of a request that would have to wait for these: they are the last resort."""
        ids = account_ids - self.exclude
        return replace(self, exclude=self.exclude | ids, limited=self.limited | ids, prefer=None)

    def without(self, account_id: str, trouble: str) -> Wish:
        """The wish of a request that got this account, which could not be used."""
        return replace(
            self,
            exclude=self.exclude | {account_id},
            limited=self.limited - {account_id},
            prefer=None,
            last_trouble=trouble,
        )


class Source(Protocol[SeatT]):
    """Where there are seats, or none. Times are Unix seconds."""

    def decide(self, wish: Wish, now: float) -> Decision:
        """What there is for ``wish``; nothing changes by it."""

    def take(self, chosen: Chosen, wish: Wish, now: float) -> SeatT:
        """Go by the decision that gave ``wish`` an account."""

    def give_back(self, seat: SeatT, now: float) -> None:
        """Undo ``take``, for a request that left before it knew."""

    def refuse(self, decision: NothingNow, wish: Wish, now: float) -> ApiError:
        """Put a decision that gave nothing into words."""


@dataclass(frozen=True, slots=True, eq=False)
class _Waiting(Generic[SeatT]):
    """One request in the line."""

    wish: Wish
    patience_ends: float
    turn: asyncio.Future[SeatT]

    def has_time_for(self, decision: Decision) -> TypeGuard[Limited]:
        """Whether waiting is the thing to do."""
        return isinstance(decision, Limited) and decision.free_at <= self.patience_ends


class Line(Generic[SeatT]):
    """Hands out what the source has, first come, first served."""

    def __init__(
        self, source: Source[SeatT], surroundings: Surroundings, look: Callable[[], None]
    ) -> None:
        """``look`` picks up what changed outside; it may call ``serve``."""
        self._source = source
        self._clock = surroundings.clock
        self._look = look
        self._alarm = Alarm(surroundings, self._ring)
        self._rings_at = 0.0
        self._waiting: dict[_Waiting[SeatT], None] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    async def turn(self, wish: Wish, patience_seconds: float) -> SeatT:
        """What ``wish`` asks for, once it is there and everybody before has had a look.

        Raises ApiError where it will not be there within ``patience_seconds``. May be
        cancelled at any moment.
        """
        self.serve()
        now = self._clock()
        decision = self._source.decide(wish, now)
        if isinstance(decision, Chosen):
            return self._source.take(decision, wish, now)
        turn: asyncio.Future[SeatT] = asyncio.get_running_loop().create_future()
        waiting = _Waiting(wish, now + patience_seconds, turn)
        if not waiting.has_time_for(decision):
            raise self._source.refuse(decision, wish, now)
        self._waiting[waiting] = None
        self._ring_by(decision.free_at, now)
        try:
            return await turn
        except asyncio.CancelledError:
            self._leave(waiting)
            raise

    def serve(self) -> None:
        """Give everybody in the line what there is for them now, the first in it first."""
        if not self._waiting:
            return
        now = self._clock()
        nothing_yet: dict[_Kind, Limited] = {}
        for waiting in [*self._waiting]:
            kind = _kind(waiting.wish)
            decision = nothing_yet.get(kind) or self._source.decide(waiting.wish, now)
            if waiting.has_time_for(decision):
                nothing_yet[kind] = decision
            else:
                self._call_up(waiting, decision, now)
        self._alarm.clear()
        for decision in nothing_yet.values():
            self._ring_by(decision.free_at, now)

    def dismiss(self) -> None:
        """Send everybody away with what there is for them now, which may be nothing."""
        now = self._clock()
        for waiting in [*self._waiting]:
            self._call_up(waiting, self._source.decide(waiting.wish, now), now)
        self._alarm.clear()

    def _call_up(self, waiting: _Waiting[SeatT], decision: Decision, now: float) -> None:
        """End the wait of one request, for better or worse."""
        del self._waiting[waiting]
        if waiting.turn.done():
            return  # it was cancelled, and has not run since
        if isinstance(decision, Chosen):
            waiting.turn.set_result(self._source.take(decision, waiting.wish, now))
        else:
            waiting.turn.set_exception(self._source.refuse(decision, waiting.wish, now))

    def _leave(self, waiting: _Waiting[SeatT]) -> None:
        """A request leaves, which may have been called up at the same moment."""
        self._waiting.pop(waiting, None)
        if not waiting.turn.cancelled() and waiting.turn.exception() is None:
            self._source.give_back(waiting.turn.result(), self._clock())
            self.serve()
        if not self._waiting:
            self._alarm.clear()

    def _ring_by(self, when: float, now: float) -> None:
        """Have the alarm ring at ``when``, unless it rings before."""
        if self._alarm.is_set and when >= self._rings_at:
            return
        self._rings_at = max(now + _SHORTEST_WAIT_SECONDS, min(when, now + LOOK_AGAIN_SECONDS))
        self._alarm.set(self._rings_at - now)

    def _ring(self) -> None:
        self._look()
        self.serve()


_Kind: TypeAlias = tuple[str | None, frozenset[str], frozenset[str], str | None]


def _kind(wish: Wish) -> _Kind:
    """What decides whether there is anything for ``wish``: if not, the same goes for its like."""
    return wish.needs.model, wish.exclude, wish.limited, wish.prefer
