"""An account for a request: leased, another after a refusal, and given back.

Each lease is settled once, whatever happens; the exchange knows whether it was.
"""

from __future__ import annotations

import asyncio
import time
from typing import Final

from addon.broker import Broker, ClientGone, Lease, Outcome, Unauthorized
from addon.errors import ApiError, Code
from addon.proxy.exchange import Exchange, client_closed_request
from addon.proxy.refused import refused_attempt
from addon.proxy.verdict import Verdict

_SAYS_MORE: Final = frozenset((Code.RATE_LIMIT_EXCEEDED, Code.REAUTHENTICATION_REQUIRED))
"""Refusals of the pool as a whole: they say more than what the last account's upstream said."""


async def first_lease(broker: Broker, exchange: Exchange) -> Lease:
    """An account for ``exchange``. Raises ApiError, for the client to read."""
    return await _lease(broker, exchange)


async def next_lease(
    broker: Broker, exchange: Exchange, refused: Lease, verdict: Verdict, *, max_failures: int
) -> Lease:
    """Where the request goes after ``verdict`` on ``refused``, which is settled here.

    Raises ApiError, for the client to read, where it goes nowhere.
    """
    if exchange.refusal is not None:
        exchange.attempts.keep(refused_attempt(exchange.refusal, refused, time.time()))
    if isinstance(verdict.outcome, Unauthorized):
        renewing = broker.after_unauthorized(refused, exclude=exchange.attempts.tried)
        renewed = await exchange.unless_the_client_leaves(renewing)
        exchange.is_settled = True
        if renewed is not None:
            return _took(broker, exchange, renewed)
    exchange.attempts.note(refused.account.id, verdict.outcome)
    pause = settle(broker, exchange, verdict.outcome)
    if not exchange.attempts.may_go_on_after(verdict.outcome, max_failures):
        raise verdict.error
    try:
        if pause is not None and exchange.attempts.forgive(refused.account.id):
            await exchange.unless_the_client_leaves(asyncio.sleep(pause))
            return await _lease(broker, exchange, prefer=refused.account.id)
        return await _lease(broker, exchange)
    except ApiError as error:
        if error.code in _SAYS_MORE:
            raise
        raise verdict.error from None


def settle(broker: Broker, exchange: Exchange, outcome: Outcome) -> float | None:
    """Gives the lease back, if one is open.

    In return, how many seconds to wait before the same account is asked; None: another is.
    """
    if exchange.lease is None or exchange.is_settled:
        return None
    exchange.is_settled = True
    return broker.settle(exchange.lease, outcome)


async def _lease(broker: Broker, exchange: Exchange, prefer: str | None = None) -> Lease:
    """An account that has not refused the request."""
    attempts, before = exchange.attempts, exchange.lease
    acquiring = broker.acquire(
        exchange.needs,
        exclude=attempts.tried,
        limited=attempts.limited,
        prefer=prefer,
        waited_seconds=before.waited_seconds if before is not None else 0.0,
    )
    return _took(broker, exchange, await exchange.unless_the_client_leaves(acquiring))


def _took(broker: Broker, exchange: Exchange, lease: Lease) -> Lease:
    exchange.lease = lease
    exchange.is_settled = False
    exchange.attempts.count += 1
    if exchange.client_left:
        # It left while the lease was on its way here, and the exchange may be closed.
        settle(broker, exchange, ClientGone())
        raise client_closed_request()
    return lease
