"""The broker as it is opened: over a real accounts file and a real OAuth server."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from addon.broker import Broker, Needs, Served
from addon.broker.startup import open_broker, reasoning_key
from addon.errors import ApiError
from addon.settings import Settings
from tests.support.accounts import write_accounts
from tests.support.oauth_server import OAuthServer, SignIn, Trouble

EXPIRED = {"expires": 1_000}
BASE_URL = {"baseUrl": "https://portal.example/v1"}


@pytest.fixture
def server() -> Iterator[OAuthServer]:
    with OAuthServer() as server:
        yield server


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "private" / "accounts.json"


def opened(path: Path, server: OAuthServer) -> Broker:
    settings = Settings(oauth_base_url=server.url)
    return open_broker(settings, {"QWEN_ACCOUNTS_FILE": str(path)})


def entry(path: Path) -> dict[str, object]:
    """The one account, as the file has it."""
    (account,) = json.loads(path.read_text("utf-8"))["accounts"]
    assert isinstance(account, dict)
    return account


async def test_an_expired_token_is_renewed_and_kept_before_it_is_used(
    path: Path, server: OAuthServer
) -> None:
    sign_in = server.sign_in("work")
    write_accounts(path, [sign_in.entry(**EXPIRED, **BASE_URL)])
    broker = opened(path, server)

    lease = await broker.acquire(Needs())

    kept = entry(path)
    assert lease.token == kept["accessToken"] != sign_in.access_token
    assert kept["refreshToken"] != sign_in.refresh_token
    broker.settle(lease, Served())
    await broker.stop()
    assert entry(path)["lastUsed"]


async def test_processes_that_share_a_file_renew_a_token_once(
    path: Path, server: OAuthServer
) -> None:
    write_accounts(path, [server.sign_in("work").entry(**EXPIRED, **BASE_URL)])
    brokers = [opened(path, server) for _ in range(3)]

    leases = await asyncio.gather(*(broker.acquire(Needs()) for broker in brokers))

    assert len({lease.token for lease in leases}) == 1
    assert server.requests == 1
    for broker in brokers:
        await broker.stop()


async def test_after_a_401_the_token_is_another(path: Path, server: OAuthServer) -> None:
    sign_in = server.sign_in("work")
    write_accounts(path, [sign_in.entry(**BASE_URL)])
    broker = opened(path, server)
    broker.start()
    lease = await broker.acquire(Needs())
    assert lease.token == sign_in.access_token

    again = await broker.after_unauthorized(lease)

    assert again is not None
    assert again.token == entry(path)["accessToken"] != sign_in.access_token
    broker.settle(again, Served())
    await broker.stop()


async def test_a_sign_in_that_is_over_is_noted_and_told(
    path: Path, server: OAuthServer, caplog: pytest.LogCaptureFixture
) -> None:
    sign_in = server.sign_in("work")
    write_accounts(path, [sign_in.entry(**EXPIRED, **BASE_URL)])
    server.troubles.append(Trouble.INVALID_GRANT)
    broker = opened(path, server)

    with pytest.raises(ApiError) as refused:
        await broker.acquire(Needs())

    assert refused.value.code == "reauthentication_required"
    assert entry(path)["requiresReauth"] is True
    assert "qwen-proxy login" in caplog.text
    assert not _secrets(sign_in) & set(caplog.text.split())
    await broker.stop()


async def test_tokens_are_kept_fresh_by_a_proxy_that_nobody_uses(
    path: Path, server: OAuthServer
) -> None:
    sign_in = server.sign_in("work")
    write_accounts(path, [sign_in.entry(**EXPIRED, **BASE_URL)])
    broker = opened(path, server)

    broker.start()
    await asyncio.to_thread(server.wait_for_requests, 1)
    await broker.stop()

    assert entry(path)["accessToken"] != sign_in.access_token


def _secrets(sign_in: SignIn) -> set[str]:
    return {sign_in.access_token, sign_in.refresh_token}


# The key that seals reasoning


def test_the_key_for_reasoning_is_made_when_it_is_asked_for(
    path: Path, server: OAuthServer
) -> None:
    write_accounts(path, [server.sign_in("work").entry(**BASE_URL)])
    opened(path, server)
    assert [file.name for file in path.parent.glob("*.key")] == []
    env = {"QWEN_ACCOUNTS_FILE": str(path)}

    key = reasoning_key(env)

    assert [file.name for file in path.parent.glob("*.key")] == ["qwen-reasoning.key"]
    assert reasoning_key(env) == key


async def test_a_key_that_cannot_be_kept_serves_till_the_end_and_is_told_of_once(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path.parent.mkdir(0o700)
    path.with_name("qwen-reasoning.key").write_text("no key")
    env = {"QWEN_ACCOUNTS_FILE": str(path)}

    keys = await asyncio.gather(*(asyncio.to_thread(reasoning_key, env) for _ in range(8)))

    assert len(set(keys)) == 1
    [told] = [record.message for record in caplog.records]
    assert "qwen-reasoning.key holds no key; it is left as it is." in told
    assert keys[0].hex() not in caplog.text
