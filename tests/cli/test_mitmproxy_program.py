"""Mitmproxy's command line is read the way mitmproxy reads it."""

from __future__ import annotations

import pytest

from addon.cli import mitmproxy_program
from addon.cli.failure import CommandFailed
from addon.cli.mitmproxy_program import given_options, run_program


@pytest.mark.parametrize(
    ("arguments", "given"),
    [
        ([], {}),
        (["-v", "-s", "mine.py", "~u /v1"], {}),
        (["--mode", "socks5"], {"mode": "socks5"}),
        (["--mode=socks5"], {"mode": "socks5"}),
        (["-m", "socks5"], {"mode": "socks5"}),
        (["-msocks5"], {"mode": "socks5"}),
        (["--set", "mode=socks5"], {"mode": "socks5"}),
        (["--set=mode=socks5"], {"mode": "socks5"}),
        (["--mod", "socks5"], {"mode": "socks5"}),
        (["-p", "1", "-p2"], {"listen_port": "2"}),
        (["--set", "qwen_quiet_mode"], {"qwen_quiet_mode": ""}),
        (["--set", "qwen_base_url=https://a/v1?b=c"], {"qwen_base_url": "https://a/v1?b=c"}),
    ],
)
def test_a_flag_and_a_set_are_the_same_option(arguments: list[str], given: dict[str, str]) -> None:
    assert given_options(arguments) == given


def test_a_mitmproxy_that_is_not_installed_is_said_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mitmproxy_program, "entry_points", lambda **_: ())
    with pytest.raises(CommandFailed, match="mitmdump is missing"):
        run_program("mitmdump", [])
