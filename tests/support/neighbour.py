"""Another machine: a network namespace of its own, at the other end of a cable (ip-netns(8)).

What is connected from inside it reaches this machine from an address that is not loopback. It
takes root and iproute2; where it cannot be made the test is skipped, and says why.
"""

from __future__ import annotations

import contextlib
import ctypes
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

_HERE: Final = Path("/proc/thread-self/ns/net")
_NAMESPACES: Final = Path("/run/netns")
_CLONE_NEWNET: Final = 0x40000000
"""setns(2); ``os.setns`` came with Python 3.12 only."""


@dataclass(frozen=True, slots=True)
class Neighbour:
    """The other machine, and by which addresses the two see each other."""

    name: str
    here: str
    """This machine's address on the cable, as its neighbour sees it."""
    there: str
    """The neighbour's own."""
    here_v6: str
    there_v6: str

    @contextlib.contextmanager
    def at_its_keyboard(self) -> Iterator[None]:
        """Connections that this thread opens inside the ``with`` come from the neighbour."""
        with _HERE.open("rb") as home, (_NAMESPACES / self.name).open("rb") as away:
            _enter(away.fileno())
            try:
                yield
            finally:
                _enter(home.fileno())


@contextlib.contextmanager
def neighbour() -> Iterator[Neighbour]:
    """A machine beside this one, for as long as the ``with`` lasts; else the test is skipped."""
    if shutil.which("ip") is None:
        pytest.skip("there is no iproute2 to make another machine with")
    number = _number_of_a_new_namespace()
    net, at = f"198.18.{number >> 6}", (number & 0x3F) << 2  # RFC 2544: for tests of networks
    here, there = f"{net}.{at + 1}", f"{net}.{at + 2}"
    here_v6, there_v6 = f"fd00:6f70:656e:{number:x}::1", f"fd00:6f70:656e:{number:x}::2"
    name, cable, end = _name(number), f"qwen-a{number}", f"qwen-b{number}"
    try:
        try:
            _ip("link", "add", cable, "type", "veth", "peer", "name", end, "netns", name)
        except subprocess.CalledProcessError as error:
            pytest.skip(f"no cable can be laid into a network namespace: {error.stderr.strip()}")
        _ip("address", "add", f"{here}/30", "dev", cable)
        _ip("-6", "address", "add", f"{here_v6}/64", "dev", cable, "nodad")
        _ip("link", "set", cable, "up")
        _ip("-n", name, "address", "add", f"{there}/30", "dev", end)
        _ip("-n", name, "-6", "address", "add", f"{there_v6}/64", "dev", end, "nodad")
        _ip("-n", name, "link", "set", end, "up")
        yield Neighbour(name, here, there, here_v6, there_v6)
    finally:
        _ip("netns", "delete", name)  # and the cable with it


def _name(number: int) -> str:
    return f"qwen-test-{number}"


def _number_of_a_new_namespace() -> int:
    """One that no other test has, in whatever process."""
    for number in range(1, 0x3FFF):
        try:
            _ip("netns", "add", _name(number))
        except subprocess.CalledProcessError as error:
            if "File exists" in error.stderr:
                continue
            pytest.skip(f"no network namespace can be made: {error.stderr.strip()}")
        return number
    raise AssertionError("there are as many machines as there can be")


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True, text=True)


def _enter(descriptor: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(descriptor, _CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")
