"""One proxy and one scripted upstream for all tests of a module; a fresh script for each test."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx2
import openai
import pytest

from tests.support.accounts import api_key_account
from tests.support.proxy import MitmProcess, Setup
from tests.support.recorder import Recorder
from tests.support.upstream import Upstream

ACCOUNT_KEY: Final = "sk-the-real-key-of-the-account-1234"
CLIENT_KEY: Final = "sk-whatever-the-client-was-given"
LABEL: Final = "first key"


@dataclass(frozen=True, slots=True)
class Stage:
    """A proxy with one account, whose service is the upstream."""

    proxy: MitmProcess
    upstream: Upstream


@pytest.fixture(scope="module")
def running_stage(tmp_path_factory: pytest.TempPathFactory, confdir: Path) -> Iterator[Stage]:
    """The stage, for as long as the module lasts."""
    with Upstream() as upstream:
        account = api_key_account(ACCOUNT_KEY, upstream.base_url, label=LABEL)
        folder = tmp_path_factory.mktemp("mitm")
        with MitmProcess(folder, Setup(accounts=[account]), confdir=confdir) as proxy:
            yield Stage(proxy, upstream)


@pytest.fixture
def stage(running_stage: Stage) -> Iterator[Stage]:
    """The stage with an empty script; what the upstream saw is judged with the test."""
    yield running_stage
    try:
        running_stage.upstream.check()
    finally:
        running_stage.upstream.reset()


@pytest.fixture
def client(stage: Stage, recorder: Recorder) -> Iterator[openai.OpenAI]:
    """The SDK, with the reverse listener as base URL."""
    with sdk(stage.proxy.base_url, recorder.client()) as client:
        yield client


def sdk(base_url: str, http_client: httpx2.Client) -> openai.OpenAI:
    """The SDK without retries of its own."""
    return openai.OpenAI(
        base_url=base_url, api_key=CLIENT_KEY, max_retries=0, http_client=http_client
    )
