"""A server of the tests leaves nothing behind, however its clients stand when it stops."""

from __future__ import annotations

import gc
import socket
import ssl
from asyncio import StreamReader, StreamWriter
from contextlib import ExitStack

import pytest

from tests.support.listener import ListenerThread, Serve
from tests.support.tls import CertificateAuthority


async def hold(reader: StreamReader, writer: StreamWriter) -> None:
    """Says something, and waits for what does not come."""
    writer.write(b"Hello")
    await reader.read()


async def hang_up(_: StreamReader, writer: StreamWriter) -> None:
    """Closes, as a connection's own code may do before the server does."""
    writer.close()


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("serve", [hold, hang_up])
@pytest.mark.parametrize("is_secure", [False, True], ids=["plain", "TLS"])
def test_no_connection_is_left_to_the_garbage_collector(
    serve: Serve, is_secure: bool, upstream_ca: CertificateAuthority
) -> None:
    """Of clients that speak, that have just come, and that never begin with TLS."""
    tls = upstream_ca.server_context(["127.0.0.1"], alpn=["http/1.1"]) if is_secure else None
    trusting = ssl.create_default_context(cafile=str(upstream_ca.certificate))
    with ExitStack() as clients:
        with ListenerThread(serve, tls=tls) as server:
            address = ("127.0.0.1", server.port)
            spoken = clients.enter_context(socket.create_connection(address, 10))
            if is_secure:
                spoken = clients.enter_context(
                    trusting.wrap_socket(spoken, server_hostname="127.0.0.1")
                )
            assert spoken.recv(5) == (b"Hello" if serve is hold else b"")
            for _ in range(20):
                clients.enter_context(socket.create_connection(address, 10))
        gc.collect()
