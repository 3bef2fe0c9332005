"""Sixty streams at once for some seconds in all weathers, while the accounts come and go.

The long form is ``scripts/storm``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from tests.storm.clients import Ending
from tests.storm.runs import rage

STREAMS: Final = 60
SECONDS: Final = 2.0
"""Of each half."""
LONGEST_PAUSE_SECONDS: Final = 0.3

IMPATIENT: Final = {
    "qwen_first_byte_timeout_seconds": "1",
    "qwen_idle_timeout_seconds": "1",
    "qwen_connect_timeout_seconds": "1",
    "qwen_max_rate_limit_wait_seconds": "1",
}


async def test_every_stream_has_a_well_formed_end_and_nothing_is_left_behind(
    tmp_path: Path,
) -> None:
    raged = await rage(
        tmp_path,
        clients=STREAMS,
        seconds=SECONDS,
        longest_pause=LONGEST_PAUSE_SECONDS,
        options=IMPATIENT,
        traces=True,
    )
    found = raged.storm.faults_found(raged.sky)
    assert not found, "\n".join(found)
    assert all(half.endings[Ending.COMPLETED] for half in raged.storm.halves)
