"""``qwen-proxy run`` starts mitmproxy the way the user asked, and says what is in the way."""

from __future__ import annotations

import signal
import socket

import pytest

from tests.cli.command import Command
from tests.cli.terminal import on_terminal


def test_both_ways_in_listen_on_loopback(qwen_proxy: Command, port: int) -> None:
    last = f"listening at 127.0.0.1:{port + 1}."
    with qwen_proxy.started("run", "--port", str(port), until=last) as proxy:
        assert f"HTTP(S) proxy listening at 127.0.0.1:{port}." in proxy.printed
        assert f"reverse proxy to https://portal.qwen.ai {last}" in proxy.printed


def test_it_says_once_how_to_point_a_client_at_it(qwen_proxy: Command, port: int) -> None:
    with qwen_proxy.started("run", "--port", str(port), until="reverse proxy to") as proxy:
        assert proxy.printed.count(f"http://127.0.0.1:{port + 1}/v1") == 1
        assert proxy.printed.count(f"HTTPS_PROXY=http://127.0.0.1:{port} ") == 1


def test_the_base_url_of_the_project_is_where_the_rest_goes(qwen_proxy: Command, port: int) -> None:
    config = qwen_proxy.project / ".opencode" / "qwen.json"
    config.parent.mkdir()
    config.write_text('{"base_url": "https://coding.dashscope.aliyuncs.com/v1"}  // theirs')
    with qwen_proxy.started("run", "--port", str(port), until="reverse proxy to") as proxy:
        assert "reverse proxy to https://coding.dashscope.aliyuncs.com listening" in proxy.printed


def test_an_option_is_stronger_than_the_project(qwen_proxy: Command, port: int) -> None:
    option = "qwen_base_url=http://127.0.0.1:9/v1"
    command = ("run", "--port", str(port), "--set", option)
    with qwen_proxy.started(*command, until="reverse proxy to") as proxy:
        assert "reverse proxy to http://127.0.0.1:9 listening" in proxy.printed


def test_with_a_mode_of_the_users_own_only_that_is_opened(qwen_proxy: Command, port: int) -> None:
    mode = f"socks5@127.0.0.1:{port}"
    with qwen_proxy.started("run", "--mode", mode, until="listening at") as proxy:
        assert f"SOCKS v5 proxy listening at 127.0.0.1:{port}." in proxy.printed
        assert proxy.printed.count("listening") == 1


def test_port_moves_a_mode_of_the_users_own_too(qwen_proxy: Command, port: int) -> None:
    command = ("run", "-m", "socks5", "--port", str(port), "--set", "listen_host=127.0.0.1")
    with qwen_proxy.started(*command, until="listening at") as proxy:
        assert f"SOCKS v5 proxy listening at 127.0.0.1:{port}." in proxy.printed


def test_web_has_its_page_on_the_third_port(qwen_proxy: Command, port: int) -> None:
    command = ("run", "--web", "--port", str(port), "--set", "web_open_browser=false")
    with qwen_proxy.started(*command, until="Web server listening") as proxy:
        assert f"http://127.0.0.1:{port + 2}/" in proxy.printed


@pytest.mark.parametrize(
    ("env", "is_coloured"),
    [({"NO_COLOR": ""}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)],
)
def test_colours_are_for_those_who_like_them(
    qwen_proxy: Command, port: int, env: dict[str, str], is_coloured: bool
) -> None:
    with on_terminal(
        qwen_proxy, "run", "--port", str(port), columns=100, lines=40, **env
    ) as terminal:
        terminal.until("reverse proxy to")
        terminal.type("\x03")
        assert terminal.end() == 0
        assert "no accounts file" in terminal.seen
        assert ("\x1b[" in terminal.raw) == is_coloured


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_cleanly(qwen_proxy: Command, port: int, ending: signal.Signals) -> None:
    with qwen_proxy.started("run", "--port", str(port), until="reverse proxy to") as proxy:
        assert proxy.end(ending) == 0


@pytest.mark.parametrize("taken", [0, 1, 2])
def test_a_port_in_use_is_named(qwen_proxy: Command, port: int, taken: int) -> None:
    with socket.create_server(("127.0.0.1", port + taken)):
        refused = qwen_proxy.run("run", "--web", "--port", str(port))
    assert refused.returncode == 1
    assert refused.stdout == ""
    assert refused.stderr == (
        f"qwen-proxy: port {port + taken} of 127.0.0.1 is in use: "
        "choose another with --port N, which takes N and N+1 (and N+2 with --web)\n"
    )


@pytest.mark.parametrize(
    ("arguments", "way_out"),
    [
        (["-p", "9000"], "use --port"),
        (["--set", "listen_port=9000"], "use --port"),
        (["--listen-host", "0.0.0.0"], "--mode regular@0.0.0.0:8080"),  # noqa: S104
        (["--port", "65534"], "65533"),
        (["--port", "http"], "Invalid value for '--port'"),
        (["--mode"], "argument --mode/-m: expected one argument"),
        (["--set", "qwen_base_url=http://example.com/v1"], "option qwen_base_url: must be https"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_a_way_out(
    qwen_proxy: Command, arguments: list[str], way_out: str
) -> None:
    refused = qwen_proxy.run("run", *arguments)
    assert refused.returncode in (1, 2)
    assert way_out in refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_fault_in_the_settings_is_told_before_the_start(qwen_proxy: Command) -> None:
    config = qwen_proxy.home / ".config" / "opencode" / "qwen.json"
    config.parent.mkdir(parents=True)
    config.write_text('{"rotation": "hybrid"}')
    refused = qwen_proxy.run("run")
    assert refused.returncode == 1
    assert refused.stderr.startswith(f"qwen-proxy: {config}: rotation")
    assert "Traceback" not in refused.stderr


def test_mitmproxys_own_refusal_is_handed_on(qwen_proxy: Command, port: int) -> None:
    refused = qwen_proxy.run("run", "--port", str(port), "--no-such-option")
    assert refused.returncode == 1
    assert "mitmdump: error: unrecognized arguments: --no-such-option" in refused.stderr


def test_what_mitmproxy_prints_for_programs_stays_clean(qwen_proxy: Command, port: int) -> None:
    printed = qwen_proxy.run("run", "--port", str(port), "--commands")
    assert printed.returncode == 0
    assert "base URL" not in printed.stdout


def test_the_version_is_printed(qwen_proxy: Command) -> None:
    assert qwen_proxy.run("--version").stdout.startswith("qwen-proxy ")


def test_without_a_command_there_is_help(qwen_proxy: Command) -> None:
    assert "Start the proxy." in qwen_proxy.run().stdout + qwen_proxy.run().stderr
