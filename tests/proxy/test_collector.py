"""What is there at the start is not collected again and again; what is under way is."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from unittest.mock import Mock

import pytest
from mitmproxy.addons.proxyserver import Proxyserver
from mitmproxy.proxy.mode_servers import ProxyConnectionHandler

from addon.proxy.collector import spare_collector
from tests.support.mitm_context import mitm_context


@pytest.fixture
def nothing_frozen() -> Iterator[None]:
    assert gc.get_freeze_count() == 0
    yield
    gc.unfreeze()


@pytest.mark.usefixtures("nothing_frozen")
@pytest.mark.parametrize(("connections", "is_frozen"), [(0, True), (1, True), (100, False)])
def test_what_is_there_at_the_start_is_passed_over(connections: int, is_frozen: bool) -> None:
    server = Proxyserver()
    for number in range(connections):
        server.connections[str(number)] = Mock(ProxyConnectionHandler)
    with mitm_context(server):
        end = spare_collector()
        assert (gc.get_freeze_count() > 0) is is_frozen
        end()
    assert gc.get_freeze_count() == 0
