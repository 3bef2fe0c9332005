"""Every fault a few times over with one healthy account among three, in one process.

The long form is ``scripts/storm``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from tests.storm.runs import play_rounds

TIMES: Final = 3


async def test_no_client_sees_a_failure_before_the_first_byte_and_a_proper_one_after_it(
    tmp_path: Path,
) -> None:
    played = await play_rounds(tmp_path, times=TIMES)
    found = played.rounds.faults_found(played.sky)
    assert not found, "\n".join(found)
    assert played.after.is_as_little_as(played.before), played.after
