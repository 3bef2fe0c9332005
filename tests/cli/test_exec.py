"""``qwen-proxy exec``: a program with a proxy of its own, in processes of their own."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import pytest

from tests.cli.command import ROOT, Command
from tests.cli.invoked import Home, failed
from tests.cli.terminal import SAFETY_SECONDS, on_terminal, program_on_terminal
from tests.support.accounts import api_key_account

PROGRAM: Final = (sys.executable, str(Path(__file__).with_name("program.py")))
KEY: Final = api_key_account("sk-0123456789abcdef", "https://host.example/v1", label="work")

ASKS_BY_THE_SDK: Final = """
from openai import OpenAI
print(OpenAI().responses.create(model="qwen3-coder-plus", input="Hello!").output_text)
"""


@dataclass(frozen=True, slots=True)
class Executed:
    """An ``exec`` that runs ``program.py``."""

    process: subprocess.Popen[str]
    env: dict[str, str]
    """What the program finds in its environment."""
    folder: Path
    """Where temporary files go."""

    def tell(self, line: str) -> None:
        """Have the program do something."""
        assert self.process.stdin
        print(line, file=self.process.stdin, flush=True)

    def line(self) -> str:
        """What the program says next."""
        assert self.process.stdout
        return self.process.stdout.readline().strip()

    @property
    def address(self) -> tuple[str, int]:
        """Where the base URL is served."""
        parts = urlsplit(self.env["OPENAI_BASE_URL"])
        assert parts.hostname
        assert parts.port
        return parts.hostname, parts.port

    def listens(self) -> bool:
        """Whether the proxy is there."""
        try:
            socket.create_connection(self.address, SAFETY_SECONDS).close()
        except ConnectionRefusedError:
            return False
        return True

    def has_left_nothing(self) -> bool:
        """Whether the proxy and all that it kept are gone."""
        return not self.listens() and not [*self.folder.iterdir()]


@contextmanager
def executed(command: Command, *signals: str, before: tuple[str, ...] = ()) -> Iterator[Executed]:
    """``exec --sandbox`` with ``program.py`` in it, from when that runs; it ends by itself."""
    arguments = [sys.executable, "-P", "-m", "addon", "exec", "--sandbox", *before, "--"]
    with subprocess.Popen(
        [*arguments, *PROGRAM, *signals],
        cwd=command.project,
        env=command.environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout
        told = process.stdout.readline()
        assert told, process.wait()
        yield Executed(process, json.loads(told)["env"], command.temporary)
        assert process.stdin
        process.stdin.close()


def waited_for(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + SAFETY_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def child_of(pid: int, named: str) -> int:
    """The child of ``pid`` in whose command line ``named`` is."""
    (found,) = (
        int(path.parent.name)
        for path in Path("/proc").glob("[0-9]*/cmdline")
        if stat_of(int(path.parent.name))[1] == str(pid) and named in path.read_text("utf-8")
    )
    return found


def has_ended(pid: int) -> bool:
    """Whether it is waited for, and nothing else.

    The first of its threads may have ended while others have not, and until then nobody can
    learn of its end (wait(2)).
    """
    return stat_of(pid)[0] == "Z" and len([*Path(f"/proc/{pid}/task").iterdir()]) == 1


def stat_of(pid: int) -> list[str]:
    """State, parent and more (proc_pid_stat(5)); of a process that is gone, nothing."""
    try:
        return Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(") ")[2].split()
    except OSError:
        return ["", ""]


# The program


def test_the_exit_status_is_the_programs_and_nothing_is_left(qwen_proxy: Command) -> None:
    with executed(qwen_proxy) as run:
        assert run.listens()
        run.tell("exit 7")
        assert run.process.wait(SAFETY_SECONDS) == 7
        assert run.has_left_nothing()


def test_an_end_by_a_signal_is_told_as_shells_tell_it(qwen_proxy: Command) -> None:
    with executed(qwen_proxy) as run:
        run.tell("kill SIGSEGV")
        assert run.process.wait(SAFETY_SECONDS) == 128 + signal.SIGSEGV


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP", "SIGUSR1"])
def test_signals_from_others_reach_the_program(qwen_proxy: Command, name: str) -> None:
    with executed(qwen_proxy, name) as run:
        run.process.send_signal(getattr(signal, name))
        assert run.line() == f"heard {name}"
        run.tell("exit 0")
        assert run.process.wait(SAFETY_SECONDS) == 0


def test_a_program_that_a_signal_ends_ends_all(qwen_proxy: Command) -> None:
    with executed(qwen_proxy) as run:
        run.process.send_signal(signal.SIGTERM)
        assert run.process.wait(SAFETY_SECONDS) == 128 + signal.SIGTERM
        assert run.has_left_nothing()


def test_on_a_terminal_ctrl_c_is_the_programs_own_and_comes_once(qwen_proxy: Command) -> None:
    with on_terminal(qwen_proxy, "exec", "--sandbox", "--", *PROGRAM, "SIGINT") as terminal:
        terminal.until('"foreground": true}')
        terminal.type("\x03")
        terminal.until("heard SIGINT")
        terminal.type("\x03")
        terminal.until("heard SIGINT(?s:.)*heard SIGINT")
        terminal.type("exit 5\n")
        assert terminal.end() == 5
    assert terminal.seen.count("heard SIGINT") == 2
    assert [*qwen_proxy.temporary.iterdir()] == []


def test_ctrl_z_and_fg_work_as_ever(qwen_proxy: Command) -> None:
    line = shlex.join([sys.executable, "-P", "-m", "addon", "exec", "--sandbox", "--", *PROGRAM])
    with program_on_terminal(qwen_proxy, ("bash", "--norc", "-i")) as terminal:
        terminal.type(f"{line} SIGCONT\n")
        terminal.until('"foreground": true}')
        terminal.type("\x1a")
        terminal.until("Stopped")
        terminal.type("fg\n")
        terminal.until("heard SIGCONT\n")
        terminal.type("exit 6\n")
        terminal.type("echo it was $?\n")
        terminal.until("it was 6")
        terminal.type("exit\n")
        terminal.end()
    assert [*qwen_proxy.temporary.iterdir()] == []


def test_ctrl_c_before_the_program_starts_leaves_nothing(qwen_proxy: Command) -> None:
    with on_terminal(qwen_proxy, "exec", "--sandbox", "--", "echo", "started") as terminal:
        assert waited_for(lambda: [*qwen_proxy.temporary.iterdir()] != [])
        terminal.type("\x03")
        assert terminal.end() == 128 + signal.SIGINT
        assert "Traceback" not in terminal.seen
        assert "started" not in terminal.seen
    assert waited_for(lambda: [*qwen_proxy.temporary.iterdir()] == [])


def test_a_program_is_found_as_a_shell_finds_it(home: Home) -> None:
    home.keeps(KEY)
    missing = home.run("exec", "--", "no-such-program")
    assert (missing.status, missing.stderr) == (
        127,
        "qwen-proxy: there is no program no-such-program\n",
    )
    text = home.folder / "notes.txt"
    text.write_text("no program")
    unfit = home.run("exec", "--", str(text))
    assert (unfit.status, unfit.stderr) == (
        126,
        f"qwen-proxy: {text} cannot be run: it is no program\n",
    )


def test_a_script_whose_interpreter_is_missing_is_told(qwen_proxy: Command) -> None:
    script = qwen_proxy.project / "script"
    script.write_text("#!/no/such/interpreter\n")
    script.chmod(0o755)
    ran = qwen_proxy.run("exec", "--sandbox", "./script")
    assert ran.returncode == 127
    assert ran.stderr.startswith("qwen-proxy: ./script cannot be run: ")


def test_options_after_the_program_are_the_programs(qwen_proxy: Command) -> None:
    ran = qwen_proxy.run("exec", "--sandbox", "echo", "--help", "--sandbox", "--", "-x")
    assert (ran.returncode, ran.stdout) == (0, "--help --sandbox -- -x\n")
    assert ran.stderr == ""


# Accounts


def test_without_an_account_it_says_how_to_get_one(home: Home) -> None:
    assert "add a key with qwen-proxy accounts add" in failed(home.run("exec", "--", "true"))
    home.keeps({**KEY, "enabled": False})
    assert "qwen-proxy accounts enable" in failed(home.run("exec", "--", "true"))


def test_what_is_wrong_with_an_entry_is_told_before_the_start(qwen_proxy: Command) -> None:
    Home(qwen_proxy.home).keeps(KEY, {"label": "neither"})
    ran = qwen_proxy.run("exec", "--", "echo", "started")
    assert ran.stdout == "started\n"
    assert ran.stderr.startswith("qwen-proxy: accounts[1]: needs apiKey, or refreshToken")


# The proxy


def test_two_side_by_side_do_not_meet(qwen_proxy: Command) -> None:
    with executed(qwen_proxy) as one, executed(qwen_proxy) as other:
        assert len({one.address, other.address}) == 2
        one.tell("exit 0")
        assert one.process.wait(SAFETY_SECONDS) == 0
        assert not one.listens()
        assert other.listens()


def test_even_a_sigkill_leaves_no_proxy_behind(qwen_proxy: Command) -> None:
    with executed(qwen_proxy) as run:
        run.process.kill()
        assert waited_for(run.has_left_nothing)


def test_a_proxy_that_does_not_start_says_why(qwen_proxy: Command) -> None:
    broken = qwen_proxy.folder / "packages" / "mitmproxy" / "__init__.py"
    broken.parent.mkdir(parents=True)
    broken.write_text("raise SystemExit('This mitmproxy is broken.')")
    path = os.pathsep.join((str(ROOT), str(broken.parents[1])))
    person = replace(qwen_proxy, env={"PYTHONPATH": path})
    ran = person.run("exec", "--sandbox", "--", "echo", "not started")
    assert (ran.returncode, ran.stdout) == (1, "")
    assert ran.stderr == (
        "qwen-proxy: the proxy did not start; it said:\n  This mitmproxy is broken.\n"
    )
    assert [*qwen_proxy.temporary.iterdir()] == []


def test_a_log_that_cannot_be_written_is_named(qwen_proxy: Command) -> None:
    log = qwen_proxy.folder / "no folder" / "log"
    ran = qwen_proxy.run("exec", "--sandbox", "--log", str(log), "--", "true")
    assert (ran.returncode, ran.stderr) == (
        1,
        f"qwen-proxy: {log} cannot be written: No such file or directory\n",
    )


def test_its_log_is_kept_where_that_is_wished(qwen_proxy: Command) -> None:
    log = qwen_proxy.folder / "log"
    ran = qwen_proxy.run("exec", "--sandbox", "--log", str(log), "--", "true")
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")
    assert "reverse proxy to http://127.0.0.1:" in log.read_text("utf-8")


def test_a_proxy_that_ends_before_the_program_is_told_of(qwen_proxy: Command) -> None:
    with executed(qwen_proxy) as run:
        proxy = child_of(run.process.pid, "addon.cli.exec.server")
        os.kill(proxy, signal.SIGKILL)
        assert waited_for(lambda: has_ended(proxy))
        run.tell("exit 3")
        _, told = run.process.communicate(timeout=SAFETY_SECONDS)
        assert run.process.returncode == 3
        assert "the proxy had ended before the program did; it said:\n" in told
        assert f"listening at 127.0.0.1:{run.address[1]}" in told


# Clients


def test_the_openai_sdk_needs_nothing_else(qwen_proxy: Command) -> None:
    ran = qwen_proxy.run("exec", "--sandbox", "--", sys.executable, "-c", ASKS_BY_THE_SDK)
    assert ran.returncode == 0, ran.stderr
    assert "This is the Qwen sandbox" in ran.stdout
    assert ran.stderr == ""


@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl here")
def test_the_https_proxy_serves_our_hosts_and_is_trusted(qwen_proxy: Command) -> None:
    body = shlex.quote(json.dumps({"model": "qwen3-coder-plus", "input": "Hello!"}))
    url = "https://portal.qwen.ai/v1/responses"
    curl = f"curl -sS {url} -H 'content-type: application/json' -d {body}"
    ran = qwen_proxy.run("exec", "--sandbox", "--", "sh", "-c", curl)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert "This is the Qwen sandbox" in ran.stdout


def test_the_program_does_not_see_where_we_come_from(qwen_proxy: Command) -> None:
    with executed(qwen_proxy) as run:
        assert "PYTHONPATH" not in run.env
        assert "QWEN_ACCOUNTS_FILE" not in run.env
        assert {path.stat().st_mode & 0o077 for path in run.folder.iterdir()} == {0}
