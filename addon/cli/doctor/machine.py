"""This machine: proxies that run, the ports that one would take, mitmproxy's certificate."""

from __future__ import annotations

import asyncio
import datetime as dt
import shlex
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from addon import __version__
from addon.accounts.account import is_loopback
from addon.broker.status import ProxyStatus
from addon.cli.doctor.finding import Finding, note, ok, wrong
from addon.cli.failure import CommandFailed
from addon.cli.listeners import DEFAULT_PORT, HOST, Listeners, free_pair
from addon.cli.running import Running, ending, running_proxies
from addon.cli.surroundings import Surroundings

_RUN: Final = "qwen-proxy run"


def look_at_proxies(around: Surroundings) -> tuple[Running, list[Finding]]:
    """The proxies that run on these accounts, and what is to be said of them."""
    running = asyncio.run(running_proxies(around.accounts_path()))
    findings = [_proxy(each) for each in running.proxies]
    findings += [
        wrong("proxy", f"process {each.pid} does not answer", ending(each, around.platform))
        for each in running.silent
    ]
    if not findings:
        findings.append(note("proxy", "none runs on these accounts", _RUN))
    findings += [
        note("proxy", f"one on {each.machine} (process {each.pid}) cannot be asked from here")
        for each in running.elsewhere
    ]
    return running, findings


def _proxy(proxy: ProxyStatus) -> Finding:
    where = ", ".join(f"{each.host}:{each.port}" for each in proxy.listeners)
    if proxy.version != __version__:
        what = f"process {proxy.pid} at {where} is of version {proxy.version}, not {__version__}"
        return note("proxy", what, "stop it and start it again")
    return ok("proxy", f"runs at {where} (process {proxy.pid})")


def look_at_ports(around: Surroundings, port: int | None, running: Running) -> Finding:
    """Whether a proxy listens on ``port`` and the next, or could.

    Where nobody asks for a port, any proxy of ours that runs will do.
    """
    ours = _ports(running.proxies)
    if port is None and ours:
        return ok("ports", f"{', '.join(map(str, sorted(ours)))}: a proxy listens there")
    port = port or DEFAULT_PORT
    pair = f"{port} and {port + 1}"
    if {port, port + 1} <= ours:
        return ok("ports", f"{pair} are the proxy's")
    for each in running.silent:
        held = {place.port for place in each.places} & {port, port + 1}
        if held:
            what = f"port {min(held)} is that of process {each.pid}, which does not answer"
            return wrong("ports", what, ending(each, around.platform))
    try:
        Listeners(port).check_free()
    except CommandFailed as taken:
        what = str(taken).partition(":")[0]
        free = free_pair(port)
        return wrong("ports", what, None if free is None else f"{_RUN} --port {free}")
    return ok("ports", f"{pair} of {HOST} are free")


def usual_port(running: Running) -> int:
    """The port of a proxy that runs and has the next one too, else where one would be."""
    ours = _ports(running.proxies)
    return min((port for port in ours if port + 1 in ours), default=DEFAULT_PORT)


def _ports(proxies: Iterable[ProxyStatus]) -> frozenset[int]:
    return frozenset(each.port for proxy in proxies for each in proxy.listeners)


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

    authority = path.with_name("mitmproxy-ca.pem")
    # mitmproxy makes all of its files anew where this one is missing, and none where it is there
    again = f"rm {shlex.quote(str(authority))} and start the proxy: it makes another"
    try:
        found = x509.load_pem_x509_certificate(path.read_bytes())
    except FileNotFoundError:
        if authority.exists():
            quoted = shlex.quote(str(authority)), shlex.quote(str(path))
            again = f"openssl x509 -in {quoted[0]} -out {quoted[1]}"
            return wrong("certificate", f"there is no {path}, and no start makes it", again)
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
    """An HTTP proxy on this machine that the environment names, where none of ours is."""
    regular = [
        each.port for proxy in running.proxies for each in proxy.listeners if each.mode == "regular"
    ]
    for name in ("HTTPS_PROXY", "https_proxy"):
        port = _port_here(around.env.get(name, ""))
        if port is None or port in regular:
            continue
        cure = f"export {name}=http://{HOST}:{regular[0]}" if regular else f"{_RUN} --port {port}"
        yield note("environment", f"{name} names port {port}, where no proxy of ours runs", cure)


def _port_here(url: str) -> int | None:
    """The port of a URL that leads to this machine; of another URL none."""
    try:
        parts = urlsplit(url)
        return parts.port if parts.hostname and is_loopback(parts.hostname) else None
    except ValueError:
        return None
