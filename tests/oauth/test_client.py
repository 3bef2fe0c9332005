"""The exchange of a refresh token at a real OAuth server, and everything that can go wrong."""

from __future__ import annotations

import ssl

import pytest

from addon.oauth import InvalidGrant, OAuthClient, OAuthError, OAuthRefused, OAuthUnreachable
from tests.support.oauth_server import CLIENT_ID, RESOURCE_URL, OAuthServer, Trouble
from tests.support.proxy import free_ports

NOW = 1_800_000_000.0


@pytest.fixture
def client(server: OAuthServer, tls: ssl.SSLContext) -> OAuthClient:
    return OAuthClient(server.url, client_id=CLIENT_ID, clock=lambda: NOW, tls=tls)


def unreachable() -> str:
    """A server at whose port nobody listens."""
    return f"http://127.0.0.1:{free_ports(1)[0]}"


async def test_a_refresh_token_brings_a_new_pair_and_how_long_and_where_it_is_good(
    server: OAuthServer, client: OAuthClient
) -> None:
    signed_in = server.sign_in("work")

    grant = await client.refresh(signed_in.refresh_token)

    assert server.book.account_of(grant.access_token) == "work"
    assert grant.refresh_token != signed_in.refresh_token
    assert server.book.is_live(grant.refresh_token or "")
    assert not server.book.is_live(signed_in.refresh_token)
    assert grant.expires_at_ms == (NOW + 3600) * 1000
    assert grant.resource_url == RESOURCE_URL


async def test_without_our_own_trust_the_usual_authorities_are_trusted(server: OAuthServer) -> None:
    client = OAuthClient(server.url, client_id=CLIENT_ID)

    assert (await client.refresh(server.sign_in("work").refresh_token)).access_token


async def test_a_proxy_in_the_environment_is_not_used(
    server: OAuthServer, client: OAuthClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, unreachable())

    assert (await client.refresh(server.sign_in("work").refresh_token)).access_token


async def test_a_token_that_is_spent_is_an_invalid_grant(
    server: OAuthServer, client: OAuthClient
) -> None:
    signed_in = server.sign_in("work")
    await client.refresh(signed_in.refresh_token)

    with pytest.raises(InvalidGrant):
        await client.refresh(signed_in.refresh_token)

    assert [exchange.spent for exchange in server.book.reused] == [signed_in.refresh_token]
    server.book.reused.clear()


async def test_so_is_one_that_the_server_never_knew(client: OAuthClient) -> None:
    with pytest.raises(InvalidGrant):
        await client.refresh("never-issued")


@pytest.mark.parametrize(
    ("trouble", "status", "code"),
    [
        (Trouble.SERVER_ERROR, 500, "server_error"),
        (Trouble.WRONG_CLIENT, 401, "invalid_client"),
        (Trouble.BUSY, 429, None),
        (Trouble.EMPTY, 200, None),
        (Trouble.HTML, 200, None),
    ],
)
async def test_an_answer_without_a_token_is_a_refusal_whatever_its_status(
    trouble: Trouble, status: int, code: str | None, server: OAuthServer, client: OAuthClient
) -> None:
    server.troubles.append(trouble)

    with pytest.raises(OAuthRefused) as caught:
        await client.refresh(server.sign_in("work").refresh_token)

    assert (caught.value.status, caught.value.code) == (status, code)


# Several servers


async def test_where_the_first_cannot_be_reached_the_next_is_tried(
    server: OAuthServer, tls: ssl.SSLContext
) -> None:
    client = OAuthClient(unreachable(), [unreachable(), server.url], client_id=CLIENT_ID, tls=tls)

    assert (await client.refresh(server.sign_in("work").refresh_token)).access_token


async def test_one_that_cannot_show_who_it_is_counts_as_not_reached(
    server: OAuthServer, tls: ssl.SSLContext
) -> None:
    no_tls_there = server.url.replace("http:", "https:")
    client = OAuthClient(no_tls_there, [server.url], client_id=CLIENT_ID, tls=tls)

    assert (await client.refresh(server.sign_in("work").refresh_token)).access_token


async def test_where_none_can_be_reached_all_are_named(tls: ssl.SSLContext) -> None:
    servers = [unreachable(), unreachable()]
    client = OAuthClient(servers[0], servers[1:], client_id=CLIENT_ID, tls=tls)

    with pytest.raises(OAuthUnreachable) as caught:
        await client.refresh("refresh-0123456789")

    assert str(caught.value) == f"{servers[0]}, {servers[1]} cannot be reached"


@pytest.mark.parametrize("trouble", [Trouble.HANG, Trouble.CUT, Trouble.LOST])
async def test_a_request_that_may_have_been_heard_is_not_sent_to_another(
    trouble: Trouble, server: OAuthServer, tls: ssl.SSLContext
) -> None:
    server.troubles.append(trouble)
    with OAuthServer() as other:
        client = OAuthClient(
            server.url, [other.url], client_id=CLIENT_ID, answer_seconds=0.3, tls=tls
        )
        with pytest.raises(OAuthUnreachable, match=r"did not answer|broke off"):
            await client.refresh(server.sign_in("work").refresh_token)
        assert (server.requests, other.requests) == (1, 0)


async def test_a_refusal_is_not_taken_to_another(server: OAuthServer, tls: ssl.SSLContext) -> None:
    server.troubles.append(Trouble.SERVER_ERROR)
    with OAuthServer() as other:
        client = OAuthClient(server.url, [other.url], client_id=CLIENT_ID, tls=tls)
        with pytest.raises(OAuthRefused):
            await client.refresh(server.sign_in("work").refresh_token)
        assert other.requests == 0


# What must not show


@pytest.mark.parametrize("trouble", [*Trouble])
async def test_no_token_is_in_what_is_told(
    trouble: Trouble, server: OAuthServer, tls: ssl.SSLContext, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    client = OAuthClient(server.url, client_id=CLIENT_ID, answer_seconds=0.3, tls=tls)
    signed_in = server.sign_in("work")
    server.troubles.append(trouble)

    with pytest.raises(OAuthError) as caught:
        await client.refresh(signed_in.refresh_token)

    ours = [record for record in caplog.records if not record.name.startswith("oauthlib")]
    told = f"{caught.value} {caught.value!r} {[record.getMessage() for record in ours]}"
    assert signed_in.refresh_token not in told


async def test_no_token_of_an_exchange_is_in_the_debug_log(
    server: OAuthServer, client: OAuthClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    signed_in = server.sign_in("work")

    grant = await client.refresh(signed_in.refresh_token)

    ours = [record for record in caplog.records if not record.name.startswith("oauthlib")]
    told = f"{grant!r} {[record.getMessage() for record in ours]}"
    for secret in (signed_in.refresh_token, grant.access_token, grant.refresh_token or ""):
        assert secret not in told
