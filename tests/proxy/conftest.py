"""Proxies that a whole module of tests shares."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

import pytest

from tests.support.pool import Pool
from tests.support.proxy import REVERSE, MitmProcess, Setup
from tests.support.recorder import Recorder
from tests.support.upstream import Upstream
from tests.support.web import WebInterface


@contextlib.contextmanager
def mitmweb(folder: Path, confdir: Path, **options: str) -> Iterator[tuple[Pool, WebInterface]]:
    """A mitmweb with such mitmproxy options, the pool behind it, and its page."""
    setup = Setup(accounts=[], modes=[REVERSE], program="mitmweb", options=options)
    with (
        Upstream() as upstream,
        MitmProcess(folder, setup, confdir=confdir) as proxy,
        WebInterface(proxy) as web,
    ):
        yield Pool(proxy, upstream), web


class PoolWith(Protocol):
    """Gives a proxy with such settings, as the keys of the configuration name them."""

    def __call__(self, **settings: str) -> Pool: ...


@pytest.fixture(scope="module")
def _started_with(
    tmp_path_factory: pytest.TempPathFactory, confdir: Path
) -> Iterator[Callable[[dict[str, str]], Pool]]:
    """Starts a proxy and an upstream where there are none with such settings yet."""
    running: dict[frozenset[tuple[str, str]], Pool] = {}
    with contextlib.ExitStack() as stack:

        def pool_with(settings: dict[str, str]) -> Pool:
            key = frozenset(settings.items())
            if key not in running:
                options = {f"qwen_{name}": value for name, value in settings.items()}
                setup = Setup(accounts=[], modes=[REVERSE], options=options)
                folder = tmp_path_factory.mktemp("mitm")
                upstream = stack.enter_context(Upstream())
                proxy = stack.enter_context(MitmProcess(folder, setup, confdir=confdir))
                running[key] = Pool(proxy, upstream)
            return running[key]

        yield pool_with


@pytest.fixture
def pool_with(
    _started_with: Callable[[dict[str, str]], Pool], recorder: Recorder
) -> Callable[..., Pool]:
    """A proxy for this test; those of the same settings are one process for the module."""

    def pool_with(**settings: str) -> Pool:
        return _started_with(settings).begin(recorder)

    return pool_with
