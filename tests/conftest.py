"""What all tests share: the certificates, the scripted upstream, the proxy process."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import hypothesis
import pytest
from mitmproxy.certs import CertStore

from tests.support.proxy import MitmProcess, Setup
from tests.support.recorder import Recorder
from tests.support.tls import CertificateAuthority
from tests.support.upstream import Upstream

hypothesis.settings.register_profile(
    "any machine",
    deadline=None,
    # how long drawing takes says more of what else the machine does
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("any machine")

StartMitm = Callable[[Setup], MitmProcess]
"""Starts a proxy that ends, and is judged, with the test."""


@pytest.fixture(scope="session")
def confdir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """mitmproxy's configuration folder: one certificate for all processes of the session.

    It is there before any of them, since those that start at once would each make one.
    """
    folder = tmp_path_factory.mktemp("confdir")
    CertStore.create_store(folder, "mitmproxy", 2048)
    return folder


@pytest.fixture(scope="session")
def upstream_ca(tmp_path_factory: pytest.TempPathFactory) -> CertificateAuthority:
    """Who signs for upstreams that speak TLS."""
    return CertificateAuthority.create(tmp_path_factory.mktemp("ca"))


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    """A scripted upstream on plain HTTP/1.1, as strict as the real one."""
    with Upstream() as server:
        yield server


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    """Clients whose answers are judged with the test."""
    with Recorder() as recorder:
        yield recorder


@pytest.fixture
def start_mitm(tmp_path: Path, confdir: Path) -> Iterator[StartMitm]:
    """Starts proxies that are ended, and judged, with the test."""
    with contextlib.ExitStack() as stack:
        folders = (tmp_path / f"mitm-{number}" for number in itertools.count())

        def start(setup: Setup) -> MitmProcess:
            process = MitmProcess(next(folders), setup, confdir=confdir)
            return stack.enter_context(process)

        yield start
