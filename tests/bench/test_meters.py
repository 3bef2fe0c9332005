"""CPU and memory are those of the whole family."""

from __future__ import annotations

import os
import subprocess
import sys
import time

from tests.bench.meters import cpu_seconds, family, memory, reset_peak

WAITS = "import sys; print('ready', flush=True); sys.stdin.read()"
WORKS = "import time; end = time.process_time() + 0.2\nwhile time.process_time() < end: pass"


def test_cpu_is_what_the_process_itself_counts() -> None:
    before = time.process_time()
    assert before <= cpu_seconds(os.getpid())


def test_children_count_while_they_live_and_afterwards() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", WAITS], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdout is not None
        child.stdout.readline()
        assert child.pid in family(os.getpid())
        assert memory(os.getpid()).now > memory(child.pid).now
    before = cpu_seconds(os.getpid())
    subprocess.run([sys.executable, "-c", WORKS], check=True)
    assert cpu_seconds(os.getpid()) - before >= 0.15


def test_the_peak_is_counted_anew() -> None:
    held = bytearray(64_000_000)
    assert memory(os.getpid()).peak >= len(held)
    del held
    reset_peak(os.getpid())
    found = memory(os.getpid())
    assert abs(found.peak - found.now) < 32_000_000
