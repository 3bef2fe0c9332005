"""A sandbox for all tests of this folder, and a clock that moves when it is told to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import httpx2
import pytest
from openai import OpenAI

from addon.sandbox.server import Sandbox, running_sandbox


@dataclass
class Clock:
    """A clock that stands still until it is moved."""

    now: float = 1_750_000_000.0

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        """Lets ``seconds`` pass."""
        self.now += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    """A sandbox that is never in the way: no pacing, no limit that a test would meet."""
    with running_sandbox(requests_per_minute=100_000, delta_interval_seconds=0) as running:
        yield running


@pytest.fixture(scope="session")
def http(sandbox: Sandbox) -> Iterator[httpx2.Client]:
    """A plain client that is signed in."""
    headers = {"authorization": f"Bearer {sandbox.access_tokens[0]}"}
    with httpx2.Client(base_url=sandbox.base_url, headers=headers, trust_env=False) as client:
        yield client


@pytest.fixture(scope="session")
def openai_client(sandbox: Sandbox) -> Iterator[OpenAI]:
    """OpenAI's SDK, signed in, without retries of its own."""
    with OpenAI(
        base_url=sandbox.base_url, api_key=sandbox.access_tokens[0], max_retries=0
    ) as client:
        yield client
