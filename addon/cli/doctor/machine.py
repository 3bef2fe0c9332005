"""This machine: proxies that run, the ports that one would take, mitmproxy's certificate."""

from __future__ import annotations

import asyncio
import datetime as dt
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from addon import __version__
from addon.broker.status import ProxyStatus
from addon.cli.doctor.finding import Finding, note, ok, wrong
from addon.cli.failure import CommandFailed
from addon.cli.listeners import HOST, Listeners, free_pair
from addon.cli.running import Running, running_proxies
from addon.cli.surroundings import Surroundings

_RUN: Final = "qwen-proxy run"


def look_at_proxies(around: Surroundings) -> tuple[Running, list[Finding]]:
    """The proxies that run on these accounts, and what is to be said of them."""
    running = asyncio.run(running_proxies(around.accounts_path()))
    findings = [_proxy(each) for each in running.proxies]
    findings += [
        wrong("proxy", f"process {each.pid} does not answer", f"kill {each.pid}, then {_RUN}")
        for each in running.silent
    ]
    return running, findings or [note("proxy", "none runs on these accounts", _RUN)]


def _proxy(proxy: ProxyStatus) -> Finding:
    where = ", ".join(f"{each.host}:{each.port}" for each in proxy.listeners)
    if proxy.version != __version__:
        what = f"process {proxy.pid} at {where} is of version {proxy.version}, not {__version__}"
        return note("proxy", what, "stop it and start it again")
    return ok("proxy", f"runs at {where} (process {proxy.pid})")


def look_at_ports(port: int, running: Running) -> Finding:
    """Whether a proxy listens on ``port`` and the next, or could."""
    ours = {each.port for proxy in running.proxies for each in proxy.listeners}
    pair = f"{port} and {port + 1}"
    if {port, port + 1} <= ours:
        return ok("ports", f"{pair} are the proxy's")
    try:
        Listeners(port).check_free()
    except CommandFailed as taken:
        what = str(taken).partition(":")[0]
        free = free_pair(port)
        return wrong("ports", what, None if free is None else f"{_RUN} --port {free}")
    return ok("ports", f"{pair} of {HOST} are free")


def look_at_certificate(around: Surroundings) -> Iterator[Finding]:
    """mitmproxy's, which a client must trust that uses it as its HTTPS proxy."""
    path = around.home / ".mitmproxy" / "mitmproxy-ca-cert.pem"
    yield _certificate(path, around)
    named = around.env.get("NODE_EXTRA_CA_CERTS")
    if named and not Path(named).is_file():
        yield wrong(
            "certificate",
            f"NODE_EXTRA_CA_CERTS names {named}, which is not there",
            f"export NODE_EXTRA_CA_CERTS={shlex.quote(str(path))}",
        )


def _certificate(path: Path, around: Surroundings) -> Finding:
    from cryptography import x509  # noqa: PLC0415 - heavy

    again = f"remove {path.parent} and start the proxy: it makes another"
    try:
        found = x509.load_pem_x509_certificate(path.read_bytes())
    except FileNotFoundError:
        return note("certificate", f"there is no {path} yet; the first start makes it", _RUN)
    except OSError as error:
        return wrong("certificate", f"{path} cannot be read ({error.strerror})", again)
    except ValueError:
        return wrong("certificate", f"{path} is no certificate", again)
    now = dt.datetime.fromtimestamp(around.clock(), dt.UTC)
    ends = found.not_valid_after_utc
    if ends < now or now < found.not_valid_before_utc:
        return wrong("certificate", f"{path} is good until {ends:%F}, and not today", again)
    return ok("certificate", f"{path}, good until {ends:%F}")


def look_at_environment(around: Surroundings, running: Running) -> Iterator[Finding]:
    """HTTP proxies that the environment names: where they lead back here, or nowhere."""
    ours = {each.port for proxy in running.proxies for each in proxy.listeners}
    for name in ("HTTPS_PROXY", "https_proxy"):
        url = around.env.get(name)
        if url and f"{HOST}:" in url and not any(f":{port}" in url for port in ours):
            yield note("environment", f"{name} is {url}, where no proxy of ours runs", _RUN)
            return
