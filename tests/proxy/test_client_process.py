"""Whose a connection is, by what this machine says of it."""

from __future__ import annotations

import os
import socket
import sys

import pytest

from addon.proxy.client_process import found_pid

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux has /proc/net/tcp")


@pytest.mark.parametrize(
    ("listens", "connects"),
    [("127.0.0.1", "127.0.0.1"), ("::1", "::1"), ("::", "127.0.0.1")],
    ids=["IPv4", "IPv6", "IPv4 at a listener of both"],
)
def test_a_client_on_this_machine_is_found(listens: str, connects: str) -> None:
    family = socket.AF_INET6 if ":" in listens else socket.AF_INET
    with (
        socket.create_server((listens, 0), family=family, dualstack_ipv6=listens == "::") as server,
        socket.create_connection((connects, server.getsockname()[1])) as client,
    ):
        assert found_pid(client.getsockname()[:2], client.getpeername()[:2]) == os.getpid()


def test_a_connection_that_is_not_there_is_nobodys() -> None:
    assert found_pid(("127.0.0.1", 1), ("127.0.0.1", 1)) is None
