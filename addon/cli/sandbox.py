"""The sandbox behind ``run --sandbox``: a simulated Qwen, and accounts that exist there only."""

from __future__ import annotations

import json
import logging
import os
import shlex
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from addon.sandbox.server import running_sandbox

_MODEL: Final = "qwen3-coder-plus"


@dataclass(frozen=True, slots=True)
class Sandbox:
    """A running sandbox, as far as the proxy has to know it."""

    base_url: str
    oauth_base_url: str

    def arguments(self) -> list[str]:
        """Mitmproxy's arguments that send everything there: the strongest source of settings."""
        return [
            *("--set", f"qwen_base_url={self.base_url}"),
            *("--set", f"qwen_oauth_base_url={self.oauth_base_url}"),
        ]


@contextmanager
def started_sandbox(client_id: str) -> Iterator[Sandbox]:
    """Run a sandbox that knows the proxy as ``client_id``, its accounts in a file for this user.

    ``QWEN_ACCOUNTS_FILE`` of this process names that file from then on: the
    user's own accounts are neither read nor changed. The file goes with the
    sandbox.
    """
    # The proxy says what becomes of a request; the sandbox would only say it again.
    logging.getLogger("addon.sandbox").setLevel(logging.WARNING)
    # mitmproxy takes this signal over, but the folder must go if it comes before.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    with (
        running_sandbox(port=0, client_id=client_id) as server,
        tempfile.TemporaryDirectory(prefix="qwen-proxy-sandbox-") as folder,
    ):
        accounts = Path(folder) / "qwen-auth-accounts.json"
        accounts.touch(mode=0o600)
        accounts.write_text(json.dumps(server.accounts_document()), encoding="utf-8")
        os.environ["QWEN_ACCOUNTS_FILE"] = str(accounts)
        yield Sandbox(server.base_url, server.oauth_base_url)


def things_to_try(base_url: str) -> str:
    """Commands that show the proxy at ``base_url`` at work, to be pasted into a shell."""
    request = {"model": _MODEL, "input": "Hello!", "stream": True}
    provider = {
        "npm": "@ai-sdk/openai",
        "options": {"baseURL": base_url, "apiKey": "any"},
        "models": {_MODEL: {}},
    }
    curl = ["curl", "-N", f"{base_url}/responses", "-H", "content-type: application/json", "-d"]
    config = shlex.quote(json.dumps({"provider": {"qwen": provider}}))
    opencode = ["opencode", "run", "-m", f"qwen/{_MODEL}", "Hello!"]
    return (
        "Try the sandbox, in another terminal:\n"
        f"  {shlex.join([*curl, json.dumps(request)])}\n"
        f"  OPENCODE_CONFIG_CONTENT={config} {shlex.join(opencode)}"
    )
