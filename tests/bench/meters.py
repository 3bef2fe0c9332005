"""What processes have used so far: CPU to the nanosecond, memory to the page; children included.

Linux only: ``/proc``, and the CPU clocks of other processes (clock_getcpuclockid(3)).
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_PROC: Final = Path("/proc")
_MEMORY: Final = re.compile(r"^(VmHWM|VmRSS):\s+(\d+) kB$", re.MULTILINE)
_RESET_PEAK: Final = "5"
"""For ``clear_refs``: see proc_pid_clear_refs(5)."""

_CHILDREN_TICKS: Final = (13, 14)
"""Where ``cutime`` and ``cstime`` stand in ``stat`` behind the name: see proc_pid_stat(5)."""


@dataclass(frozen=True, slots=True)
class Memory:
    """Resident memory in bytes."""

    now: int
    peak: int
    """The most since ``reset_peak``, or since the start."""


def family(pid: int) -> Iterator[int]:
    """``pid`` and all processes below it."""
    yield pid
    for children in _PROC.glob(f"{pid}/task/*/children"):
        for child in children.read_text("ascii").split():
            yield from family(int(child))


def cpu_seconds(pid: int) -> float:
    """What ``pid`` and its family have used, those included that have ended."""
    return sum(_own_cpu_seconds(each) + _ended_children_seconds(each) for each in family(pid))


def memory(pid: int) -> Memory:
    """Of ``pid`` and its family. Peaks that were not at the same moment are added up too."""
    now = peak = 0
    for each in family(pid):
        found = dict(_MEMORY.findall((_PROC / str(each) / "status").read_text("utf-8")))
        now += int(found["VmRSS"]) * 1024
        peak += int(found["VmHWM"]) * 1024
    return Memory(now, peak)


def reset_peak(pid: int) -> None:
    """Count the peak from now on."""
    for each in family(pid):
        (_PROC / str(each) / "clear_refs").write_text(_RESET_PEAK, "ascii")


def _own_cpu_seconds(pid: int) -> float:
    """By the CPU clock of the process, whose number Linux makes of its id."""
    return time.clock_gettime(~pid << 3 | 2)


def _ended_children_seconds(pid: int) -> float:
    behind_name = (_PROC / str(pid) / "stat").read_text("utf-8").rpartition(")")[2].split()
    ticks = sum(int(behind_name[place]) for place in _CHILDREN_TICKS)
    return ticks / os.sysconf("SC_CLK_TCK")
