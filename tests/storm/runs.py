"""A proxy, a sky over it, and one of the two plays from start to end."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.storm import rounds, storm
from tests.storm.rounds import Rounds
from tests.storm.sky import Chooser, Sky
from tests.storm.storm import Storm
from tests.support.oauth_server import OAuthServer
from tests.support.probe import TRACES
from tests.support.proxy import ADDON, REGULAR, REVERSE, ROOT, Left, MitmProcess, Setup
from tests.support.tls import CertificateAuthority


@dataclass(frozen=True, slots=True)
class Played:
    """All faults, in rounds."""

    rounds: Rounds
    sky: Sky
    before: Left
    after: Left
    log: str
    """The proxy's."""


@dataclass(frozen=True, slots=True)
class Raged:
    """The storm."""

    storm: Storm
    sky: Sky
    log: str


async def play_rounds(folder: Path, *, times: int) -> Played:
    """Each fault so many times. The proxy is judged as it ends."""
    trusted, untrusted = authorities(folder)
    with OAuthServer() as server:
        its_own = {
            "qwen_oauth_base_url": server.url,
            "ssl_verify_upstream_trusted_ca": str(trusted.certificate),
        }
        options = {**rounds.OPTIONS, **its_own}
        setup = Setup(accounts=[], modes=[REVERSE, REGULAR], options=options)
        with MitmProcess(folder / "proxy", setup) as proxy:
            playing = Rounds(proxy, server)
            async with _sky(playing.choose, trusted, untrusted) as sky:
                before = await asyncio.to_thread(proxy.calm)
                await playing.play(sky, times)
                after = await asyncio.to_thread(proxy.calm, before)
            proxy.secrets |= server.book.secrets()
            return Played(playing, sky, before, after, proxy.log)


async def rage(
    folder: Path,
    *,
    clients: int,
    seconds: float,
    longest_pause: float = 1.0,
    options: Mapping[str, str] | None = None,
    traces: bool = False,
) -> Raged:
    """Two halves of so many seconds. The proxy is judged as it ends.

    Where it ``traces``, Python counts what it allocates, which makes it slow.
    """
    trusted, untrusted = authorities(folder)
    with OAuthServer(token_seconds=storm.TOKEN_SECONDS) as server:
        # a copy of what mitmproxy loads: other proxies must not hear of it
        script = folder / "script" / ADDON.name
        script.parent.mkdir()
        shutil.copy(ADDON, script)
        its_own = {
            "qwen_oauth_base_url": server.url,
            "ssl_verify_upstream_trusted_ca": str(trusted.certificate),
        }
        setup = Setup(
            accounts=[],
            modes=[REVERSE],
            script=script,
            env={"PYTHONPATH": str(ROOT)} | ({TRACES: "1"} if traces else {}),
            options={**storm.OPTIONS, **its_own, **(options or {})},
        )
        with MitmProcess(folder / "proxy", setup) as proxy:
            raging = Storm(proxy, server, script, clients, seconds, longest_pause)
            async with _sky(raging.choose, trusted, untrusted) as sky:
                await raging.rage(sky)
            proxy.secrets |= server.book.secrets()
            return Raged(raging, sky, proxy.log)


def authorities(folder: Path) -> Iterator[CertificateAuthority]:
    """One that the proxy trusts, and one that nobody does."""
    for name in ("trusted", "untrusted"):
        (folder / name).mkdir()
        yield CertificateAuthority.create(folder / name)


@contextlib.asynccontextmanager
async def _sky(
    choose: Chooser, trusted: CertificateAuthority, untrusted: CertificateAuthority
) -> AsyncIterator[Sky]:
    sky = Sky(choose, trusted)
    async with sky.opened(untrusted):
        yield sky
