"""The id of a client's process, where it can be known.

In local mode mitmproxy says it. A client that connects from this machine is looked up
among its sockets, on Linux: ``/proc/net/tcp`` has the inode of each, and the folders of
processes of the same user say who holds it (proc_pid_net(5), proc_pid_fd(5)).
"""

from __future__ import annotations

import asyncio
import ipaddress
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from mitmproxy import ctx
from mitmproxy.connection import Client

from addon.accounts.account import is_loopback

_PROC: Final = Path("/proc")
_TABLES: Final = ("tcp", "tcp6")


class ClientProcesses:
    """The ids of the processes whose connections are open, each looked up once."""

    def __init__(self) -> None:
        self._pids: dict[str, int | None] = {}

    async def pid_of(self, client: Client) -> int | None:
        """Whose connection ``client`` is; None where it cannot be known."""
        if client.id not in self._pids:
            pid = told_pid(client)
            if pid is None and _is_of_this_machine(client):
                pid = await asyncio.to_thread(found_pid, client.peername[:2], client.sockname[:2])
            self._pids[client.id] = pid
        return self._pids[client.id]

    def forget(self, client: Client) -> None:
        """It has gone."""
        self._pids.pop(client.id, None)


def _is_of_this_machine(client: Client) -> bool:
    return client.peername[0] == client.sockname[0] or is_loopback(client.peername[0])


def told_pid(client: Client) -> int | None:
    """What mitmproxy knows of it."""
    proxyserver = ctx.master.addons.get("proxyserver")
    for handler in getattr(proxyserver, "connections", {}).values():
        if handler.client is client and client in handler.transports:
            pid = handler.transports[client].writer.get_extra_info("pid")
            return pid if isinstance(pid, int) else None
    return None


def found_pid(peername: tuple[str, int], sockname: tuple[str, int]) -> int | None:
    """Which process here has a connection from ``peername`` to ``sockname``.

    Reads many small files: call it in a thread.
    """
    inode = _inode(peername, sockname)
    return None if inode is None else _holder(f"socket:[{inode}]")


def _inode(local: tuple[str, int], remote: tuple[str, int]) -> str | None:
    wanted = [(_spelt(*local, wide=wide), _spelt(*remote, wide=wide)) for wide in (False, True)]
    for table in _TABLES:
        with suppress(OSError):
            for line in (_PROC / "net" / table).read_text("ascii").splitlines()[1:]:
                fields = line.split()
                if (fields[1], fields[2]) in wanted:
                    return fields[9]
    return None


def _spelt(host: str, port: int, *, wide: bool) -> str:
    """An address as the kernel prints it: each four bytes as a number of this machine's."""
    address = ipaddress.ip_address(host)
    if wide and address.version == 4:
        address = ipaddress.IPv6Address(f"::ffff:{address}")
    words = [address.packed[at : at + 4] for at in range(0, len(address.packed), 4)]
    return f"{''.join(f'{_number(word):08X}' for word in words)}:{port:04X}"


def _number(word: bytes) -> int:
    return int.from_bytes(word, sys.byteorder)


def _holder(link: str) -> int | None:
    for pid, descriptor in _descriptors():
        with suppress(OSError):
            if str(descriptor.readlink()) == link:
                return pid
    return None


def _descriptors() -> Iterator[tuple[int, Path]]:
    """Those of all processes that we may look into."""
    for folder in _PROC.iterdir():
        if folder.name.isdigit():
            with suppress(OSError):
                for descriptor in (folder / "fd").iterdir():
                    yield int(folder.name), descriptor
