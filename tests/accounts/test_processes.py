"""Several processes on one accounts file, some of them killed: nothing is lost or half written."""

from __future__ import annotations

import json
import multiprocessing
import random
import time
from dataclasses import replace
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from multiprocessing.synchronize import Barrier, Event
from pathlib import Path
from typing import cast

from addon.accounts.document import Document, parse
from addon.accounts.file import JsonFileStore

# fork would hand the locks and threads of the test run down
CONTEXT = multiprocessing.get_context("spawn")


def counted(found: Document) -> Document:
    """One more in a field that nobody but this test knows."""
    return replace(found, root={**found.root, "count": cast("int", found.root["count"]) + 1})


def write_without_ids(path: Path) -> None:
    entries = [{"apiKey": f"sk-0123456789-{number}", "note": number} for number in range(5)]
    path.write_text(json.dumps({"version": 1, "accounts": entries, "count": 0}))
    path.chmod(0o600)


# What runs in the other processes


def load_at_once(path: Path, start: Barrier, answer: Connection) -> None:
    store = JsonFileStore(path)
    start.wait()
    answer.send([account.id for account in store.load().accounts])


def count_up(path: Path, start: Barrier, times: int) -> None:
    store = JsonFileStore(path)
    start.wait()
    for _ in range(times):
        store.update(counted)


def count_for_ever(path: Path, writing: Event) -> None:
    store = JsonFileStore(path)
    while True:
        store.update(counted)
        writing.set()


def ended(processes: list[BaseProcess]) -> None:
    for process in processes:
        process.join(timeout=60)
        assert process.exitcode == 0


def test_processes_that_start_at_once_agree_on_the_ids(path: Path) -> None:
    write_without_ids(path)
    start = CONTEXT.Barrier(3)
    pipes = [CONTEXT.Pipe(duplex=False) for _ in range(3)]
    processes: list[BaseProcess] = [
        CONTEXT.Process(target=load_at_once, args=(path, start, answer)) for _, answer in pipes
    ]
    for process in processes:
        process.start()
    answers = [receive.recv() for receive, _ in pipes]
    ended(processes)
    entries = json.loads(path.read_text())["accounts"]
    assert answers == [[entry["id"] for entry in entries]] * 3
    assert [entry["note"] for entry in entries] == [0, 1, 2, 3, 4]


def test_no_change_is_lost_among_writers(path: Path) -> None:
    write_without_ids(path)
    start = CONTEXT.Barrier(3)
    processes: list[BaseProcess] = [
        CONTEXT.Process(target=count_up, args=(path, start, 20)) for _ in range(3)
    ]
    for process in processes:
        process.start()
    ended(processes)
    assert parse(path.read_bytes()).root["count"] == 60


def test_writers_that_are_killed_leave_a_whole_file_and_no_lock(path: Path) -> None:
    write_without_ids(path)
    moments = random.Random(7)  # noqa: S311
    counts = [0]
    for _ in range(5):
        writing = CONTEXT.Event()
        process = CONTEXT.Process(target=count_for_ever, args=(path, writing))
        process.start()
        assert writing.wait(timeout=60)
        until = time.monotonic() + moments.uniform(0.0, 0.1)
        while time.monotonic() < until:
            assert len(parse(path.read_bytes()).accounts) == 5
        process.kill()
        process.join()
        counts.append(cast("int", parse(path.read_bytes()).root["count"]))
    assert counts == sorted(set(counts))
    before = counts[-1]
    after = JsonFileStore(path).update(counted)
    assert len(after.accounts) == 5
    assert parse(path.read_bytes()).root["count"] == before + 1
