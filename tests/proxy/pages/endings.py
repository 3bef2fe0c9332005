"""Requests that are over, as tests want them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from hypothesis import strategies as st

from addon.proxy.pages.ended import EndedRequest, Ending, RefusedOnTheWay

NOW: Final = 1_700_000_000.0
"""Unix seconds."""

_SERVED: Final = EndedRequest(
    ended_at=NOW,
    path="/v1/responses",
    ending=Ending.SERVED,
    status=200,
    account="work",
    server="host.example",
    model="coder",
    upstream_model=None,
    seconds=3.0,
    first_event_seconds=0.5,
    flow_seconds=2.0,
    input_tokens=100,
    output_tokens=20,
    cached_tokens=40,
    attempts=1,
    refused=(),
    kind="",
    reason="",
)


def ended(**changes: Any) -> EndedRequest:
    """One that was served at once, but for ``changes``."""
    return replace(_SERVED, **changes)


def refused_by(account: str, kind: str = "429 rate_limit_exceeded") -> RefusedOnTheWay:
    return RefusedOnTheWay(account, kind, "Slow down.", 0.1)


_KINDS: Final = st.sampled_from(["429 rate_limit_exceeded", "401", "no answer"]) | st.text(
    min_size=1, max_size=8
)


@st.composite
def endings(draw: st.DrawFn) -> EndedRequest:
    """Any, within three hours around NOW."""
    ending = draw(st.sampled_from(Ending))
    refused = tuple(refused_by("spent", draw(_KINDS)) for _ in range(draw(st.integers(0, 3))))
    tokens = draw(st.integers(0, 10_000) | st.none())
    return ended(
        ended_at=NOW + draw(st.floats(-5400, 5400)),
        ending=ending,
        kind=draw(_KINDS) if ending is Ending.REFUSED else "",
        refused=refused,
        attempts=len(refused) + 1,
        model=draw(st.text(max_size=3) | st.none()),
        first_event_seconds=draw(st.floats(0, 1000) | st.none()),
        input_tokens=tokens,
        cached_tokens=draw(st.integers(0, tokens)) if tokens else tokens,
        output_tokens=draw(st.integers(0, 10_000) | st.none()),
    )
