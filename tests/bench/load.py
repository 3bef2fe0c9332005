"""The load client of the bench, a process of its own: ``python -m tests.bench.load``.

It reads a ``Job`` as JSON from standard input, does it, and prints the ``Result`` as JSON.
The measured part, the *window*, begins when the first requests are all being answered and
the warm-up is over, so that it holds neither connecting nor the first start; it ends
before the last answers do. Events are counted, and nothing is kept of them.
"""

from __future__ import annotations

import asyncio
import gc
import json
import sys
import time
from collections import deque
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from tests.bench.meters import cpu_seconds
from tests.bench.reading import AnswerReader, BadAnswer

_PATIENCE_SECONDS: Final = 120.0
"""How long the first answers, and the last ones, may take: a net, never a pace."""


class LoadFailed(Exception):
    """An answer was none, or not the whole one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What to ask, of whom, and how hard. Times are in seconds."""

    port: int
    path: str
    body: str = field(repr=False)
    """JSON."""
    events: int
    """How many events each answer has; another number is a failure."""
    connections: int
    """Kept alive, and used in turn."""
    at_once: int
    """How many requests are under way; each that ends begins the next."""
    seconds: float
    """How long the window is."""
    warm_up_seconds: float = 0.0
    requests: int | None = None
    """After so many the window ends, whatever ``seconds`` says."""
    pids: tuple[int, ...] = ()
    """Whose CPU is read at both ends of the window."""

    def request(self) -> bytes:
        """As it goes out."""
        body = self.body.encode()
        head = (
            f"POST {self.path} HTTP/1.1\r\nhost: 127.0.0.1:{self.port}\r\n"
            "authorization: Bearer bench\r\naccept: text/event-stream\r\n"
            f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body


@dataclass(frozen=True, slots=True)
class Result:
    """What was counted in the window."""

    seconds: float
    events: int
    answers: int
    """Those that ended."""
    first_events: list[float]
    """Of each request after the warm-up: seconds until the first byte of its first event."""
    cpu_seconds: list[float]
    """Of each of the job's ``pids``."""
    own_cpu_seconds: float
    """The load client's."""


@dataclass(frozen=True, slots=True)
class _Mark:
    """How far it was at one end of the window."""

    at: float
    events: int
    answers: int
    cpu_seconds: list[float]
    own_cpu_seconds: float


class _Stream(asyncio.Protocol):
    """One connection."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._reader = AnswerReader()
        self._transport: asyncio.Transport
        self.asked_at: float | None = None
        """None: nothing is under way."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def connection_lost(self, error: Exception | None) -> None:
        if self.asked_at is not None:
            self._load.fail(LoadFailed(f"the connection was closed in an answer: {error}"))

    def ask(self, request: bytes) -> None:
        """Sends the next request."""
        self._reader.begin()
        self.asked_at = time.perf_counter()
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        reader, load = self._reader, self._load
        if self.asked_at is None:
            load.fail(LoadFailed(f"unasked: {data[:100]!r}"))
            return
        had_begun, before = reader.has_begun, reader.events
        try:
            reader.feed(data)
        except BadAnswer as error:
            load.fail(LoadFailed(str(error)))
            return
        load.events += reader.events - before
        if not had_begun and reader.has_begun:
            load.has_begun(self.asked_at)
        if reader.is_over:
            self.asked_at = None
            load.has_ended(self, reader.events)

    def close(self) -> None:
        """Closes the connection, whatever is under way."""
        self.asked_at = None
        self._transport.abort()


class Load:
    """One job under way."""

    def __init__(self, job: Job) -> None:
        self.events = 0
        self._job = job
        self._request = job.request()
        self._answers = 0
        self._begun = 0
        self._under_way = 0
        self._first_events: list[tuple[float, float]] = []
        """When it was asked, and how long it took."""
        self._idle: deque[_Stream] = deque()
        self._goes_on = True
        loop = asyncio.get_running_loop()
        self._failed: asyncio.Future[None] = loop.create_future()
        self._all_begun = asyncio.Event()
        self._enough = asyncio.Event()
        self._all_ended = asyncio.Event()

    # What the streams tell

    def has_begun(self, asked_at: float) -> None:
        """The first event of an answer is there."""
        self._first_events.append((asked_at, time.perf_counter() - asked_at))
        self._begun += 1
        if self._begun == self._job.at_once:
            self._all_begun.set()

    def has_ended(self, stream: _Stream, events: int) -> None:
        """An answer is over."""
        if events != self._job.events:
            self.fail(LoadFailed(f"an answer has {events} events in place of {self._job.events}"))
            return
        self._answers += 1
        self._under_way -= 1
        self._idle.append(stream)
        if self._job.requests is not None and self._answers >= self._job.requests:
            self._goes_on = False
            self._enough.set()
        if self._goes_on:
            self._ask()
        elif not self._under_way:
            self._all_ended.set()

    def fail(self, error: LoadFailed) -> None:
        """The job cannot be done."""
        if not self._failed.done():
            self._failed.set_exception(error)

    # The job

    async def do(self) -> Result:
        """Do it. Raises LoadFailed."""
        loop, job = asyncio.get_running_loop(), self._job
        streams = [
            (await loop.create_connection(lambda: _Stream(self), "127.0.0.1", job.port))[1]
            for _ in range(job.connections)
        ]
        self._idle.extend(streams)
        try:
            return await self._measure()
        finally:
            for stream in streams:
                stream.close()
            self._failed.cancel()

    async def _measure(self) -> Result:
        job = self._job
        started_at = time.perf_counter()
        for _ in range(job.at_once):
            self._ask()
        await self._unless_failed(self._all_begun.wait())
        await self._unless_failed(asyncio.sleep(job.warm_up_seconds))
        begin = self._mark()
        if job.requests is None:
            await self._unless_failed(asyncio.sleep(job.seconds), job.seconds)
        else:
            await self._unless_failed(self._enough.wait(), job.seconds)
        end = self._mark()
        self._goes_on = False
        if self._under_way:
            await self._unless_failed(self._all_ended.wait())
        warm_at = started_at + job.warm_up_seconds
        return Result(
            seconds=end.at - begin.at,
            events=end.events - begin.events,
            answers=end.answers - begin.answers,
            first_events=[took for asked_at, took in self._first_events if asked_at >= warm_at],
            cpu_seconds=[
                after - before
                for before, after in zip(begin.cpu_seconds, end.cpu_seconds, strict=True)
            ],
            own_cpu_seconds=end.own_cpu_seconds - begin.own_cpu_seconds,
        )

    def _ask(self) -> None:
        """Of the connections that are free, the one that has been free longest is next."""
        self._under_way += 1
        self._idle.popleft().ask(self._request)

    def _mark(self) -> _Mark:
        return _Mark(
            at=time.perf_counter(),
            events=self.events,
            answers=self._answers,
            cpu_seconds=[cpu_seconds(pid) for pid in self._job.pids],
            own_cpu_seconds=time.process_time(),
        )

    async def _unless_failed(self, waiting: Any, seconds: float = 0.0) -> None:
        """Wait for it, or raise what went wrong meanwhile."""
        task = asyncio.ensure_future(waiting)
        done, _ = await asyncio.wait(
            {task, self._failed},
            timeout=_PATIENCE_SECONDS + seconds,
            return_when=asyncio.FIRST_COMPLETED,
        )
        if self._failed in done:
            task.cancel()
            self._failed.result()
        if not task.done():
            task.cancel()
            raise LoadFailed("it does not come to an end")


def main() -> None:
    """Do the job on standard input."""
    job = json.load(sys.stdin)
    gc.disable()

    async def do() -> Result:
        return await Load(Job(**{**job, "pids": tuple(job["pids"])})).do()

    try:
        result = asyncio.run(do())
    except (LoadFailed, OSError) as error:
        sys.exit(str(error))
    json.dump(asdict(result), sys.stdout)


if __name__ == "__main__":
    main()
