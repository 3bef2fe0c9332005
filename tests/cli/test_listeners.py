"""The two listeners, as mitmproxy and as clients are told of them."""

from __future__ import annotations

import socket

import pytest

from addon.cli.failure import CommandFailed
from addon.cli.listeners import Listeners


@pytest.mark.parametrize(
    ("upstream", "origin"),
    [
        ("https://portal.qwen.ai/v1", "https://portal.qwen.ai"),
        ("https://dashscope.aliyuncs.com/compatible-mode/v1", "https://dashscope.aliyuncs.com"),
        ("http://localhost:8000/v1", "http://localhost:8000"),
        ("http://[::1]:8000", "http://[::1]:8000"),
    ],
)
def test_the_reverse_listener_goes_to_the_origin_of_the_base_url(
    upstream: str, origin: str
) -> None:
    assert Listeners(8080).arguments(upstream) == [
        *("--mode", "regular@127.0.0.1:8080"),
        *("--mode", f"reverse:{origin}@127.0.0.1:8081"),
    ]


def test_the_certificate_is_looked_for_where_mitmproxy_keeps_it() -> None:
    assert "=~/.mitmproxy/mitmproxy-ca-cert.pem" in Listeners(8080).directions()
    assert "=/etc/mitm/mitmproxy-ca-cert.pem" in Listeners(8080).directions("/etc/mitm")


def test_free_ports_are_left_free() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(CommandFailed, match=f"port {port} of 127.0.0.1 is in use"):
            Listeners(port).check_free()
