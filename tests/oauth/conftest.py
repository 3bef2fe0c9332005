"""What the tests of the OAuth room share."""

from __future__ import annotations

import ssl
from collections.abc import Iterator

import pytest

from tests.support.oauth_server import OAuthServer


@pytest.fixture
def server() -> Iterator[OAuthServer]:
    """An OAuth server that is judged with the test."""
    with OAuthServer() as server:
        yield server


@pytest.fixture(scope="session")
def tls() -> ssl.SSLContext:
    """Whom to trust; one for all, since it takes a while to make."""
    return ssl.create_default_context()
