"""The judge of a proxy process: a traceback or a secret in its log does not go unseen."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import httpx2
import pytest

from tests.support import proxy
from tests.support.accounts import api_key_account
from tests.support.proxy import REGULAR, ROOT, MitmProcess, Setup, StartRefused
from tests.support.replies import json_reply
from tests.support.upstream import Upstream

KEY = "sk-a-secret-of-the-account-1234"


def script(folder: Path, body: str) -> Path:
    """An addon whose ``request`` hook does what ``body`` says."""
    path = folder / "script.py"
    path.write_text(f"def request(flow):\n    {body}\n", "utf-8")
    return path


def run_one_request(setup: Setup, folder: Path, confdir: Path, upstream: Upstream) -> None:
    """Start a process, send a request through it, end it."""
    upstream.replies(json_reply({}))
    with MitmProcess(folder, setup, confdir=confdir) as process:
        url = f"{upstream.base_url}/models"
        httpx2.get(url, proxy=process.url("regular"), trust_env=False)


@pytest.mark.parametrize(
    ("body", "sign"),
    [
        ("raise ValueError(flow)", "Traceback"),
        (f"print('Bearer {KEY}', flush=True)", "secrets"),
        (f"flow.request.headers['authorization'] = '{KEY}'", "secrets"),
    ],
    ids=["an exception", "a printed secret", "a secret in the flow"],
)
def test_what_must_not_be_is_seen(
    tmp_path: Path, confdir: Path, upstream: Upstream, body: str, sign: str
) -> None:
    account = api_key_account(KEY, upstream.base_url)
    setup = Setup(
        modes=[REGULAR], accounts=[account], script=script(tmp_path, body), saves_flows=True
    )

    with pytest.raises(AssertionError, match=sign):
        run_one_request(setup, tmp_path, confdir, upstream)


FORGETFUL: Final = """
from addon.proxy.addon import QwenProxy

class Forgetful(QwenProxy):
    name = "qwenproxy"

    def _close(self, flow):
        pass

addons = [Forgetful()]
"""


def test_what_is_left_open_is_seen(
    tmp_path: Path, confdir: Path, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proxy, "_CLOSING_SECONDS", 0.1)
    path = tmp_path / "script.py"
    path.write_text(FORGETFUL, "utf-8")
    account = api_key_account(KEY, upstream.base_url)
    env = {"PYTHONPATH": str(ROOT)}
    setup = Setup(modes=[REGULAR], accounts=[account], script=path, env=env)

    with pytest.raises(AssertionError, match="exchanges=1, leases=0"):
        run_one_request(setup, tmp_path, confdir, upstream)


def test_an_innocent_process_passes(tmp_path: Path, confdir: Path, upstream: Upstream) -> None:
    account = api_key_account(KEY, upstream.base_url)
    setup = Setup(
        modes=[REGULAR], accounts=[account], script=script(tmp_path, "pass"), saves_flows=True
    )

    run_one_request(setup, tmp_path, confdir, upstream)


def test_a_start_that_is_refused_says_why(tmp_path: Path, confdir: Path) -> None:
    with pytest.raises(StartRefused, match="unknown mode"):
        MitmProcess(tmp_path, Setup(modes=["nonsense"]), confdir=confdir).start()
