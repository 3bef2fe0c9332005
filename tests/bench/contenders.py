"""Who is measured: the ways from the load client to the upstream."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.bench.asking import Api
from tests.bench.processes import Command, Server, serving
from tests.support.accounts import api_key_account, write_accounts
from tests.support.environments import LITELLM
from tests.support.proxy import ADDON, free_ports

_IDENTITY: Final = Path(__file__).with_name("identity.py")
_MITMDUMP: Final = str(Path(sys.executable).with_name("mitmdump"))
_ACCOUNTS: Final = 3
"""As many as a person may have."""


@dataclass(frozen=True, slots=True)
class Site:
    """Where a contender is set up."""

    folder: Path
    """Its own."""
    confdir: Path
    """mitmproxy's certificates, made before: their making is no part of a start."""
    upstream_port: int
    models: tuple[str, ...]
    """Those that will be asked for."""

    @property
    def upstream(self) -> str:
        """The upstream's address."""
        return f"http://127.0.0.1:{self.upstream_port}"


@dataclass(frozen=True, slots=True)
class Contender:
    """One way to the upstream."""

    key: str
    title: str
    api: Api
    command: Callable[[Site], Command] | None
    """None: there is nothing in between."""


@dataclass(frozen=True, slots=True)
class Running:
    """A contender that can be asked."""

    contender: Contender
    port: int
    server: Server | None

    @property
    def pids(self) -> tuple[int, ...]:
        """The processes whose cost is the contender's."""
        return (self.server.pid,) if self.server else ()


@contextmanager
def running(contender: Contender, site: Site, cores: frozenset[int]) -> Iterator[Running]:
    """The contender, set up and listening."""
    if contender.command is None:
        yield Running(contender, site.upstream_port, None)
        return
    with serving(contender.command(site), cores) as server:
        yield Running(contender, server.port, server)


def _bare(*arguments: str) -> Callable[[Site], Command]:
    """mitmdump without our addon."""
    return lambda site: _mitmdump(site, arguments)


def _with_addon(accounts: int) -> Callable[[Site], Command]:
    """mitmdump with our addon and so many accounts, else as everybody has it."""

    def command(site: Site) -> Command:
        path = site.folder / "accounts" / "qwen-auth-accounts.json"
        pool = [
            api_key_account(f"sk-bench-{number:04}", f"{site.upstream}/v1", label=f"a{number}")
            for number in range(accounts)
        ]
        write_accounts(path, pool)
        return _mitmdump(site, ("-s", str(ADDON)), QWEN_ACCOUNTS_FILE=str(path))

    return command


def _mitmdump(site: Site, arguments: Iterable[str], **env: str) -> Command:
    """With everything else as it is for everybody: in one mode, with its usual log."""
    (port,) = free_ports(1)
    # Without --set mitmproxy reads its certificates only after it has begun to listen.
    own = (
        "--set",
        f"confdir={site.confdir}",
        "--mode",
        f"reverse:{site.upstream}@127.0.0.1:{port}",
    )
    return Command([_MITMDUMP, *own, *arguments], port, site.folder, env)


def _litellm(site: Site) -> Command:
    """LiteLLM's proxy, as its documentation says, its Responses API over Chat Completions."""
    (port,) = free_ports(1)
    site.folder.mkdir(parents=True, exist_ok=True)
    config = site.folder / "config.yaml"
    models = [
        {
            "model_name": model,
            "litellm_params": {
                "model": f"openai/{model}",
                "api_base": f"{site.upstream}/v1",
                "api_key": "sk-bench",
                "use_chat_completions_api": True,
            },
        }
        for model in site.models
    ]
    config.write_text(json.dumps({"model_list": models}), "utf-8")  # JSON is YAML
    arguments = ("--config", str(config), "--host", "127.0.0.1", "--port", str(port))
    env = {
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        "LITELLM_LOG": "ERROR",
        # On loopback, and without a key there is none to be checked, which costs it less.
        "LITELLM_DANGEROUSLY_PERMIT_WEAK_OR_UNSET_MASTER_KEY": "true",
    }
    return Command([LITELLM.program("litellm"), *arguments], port, site.folder, env)


def _addon(accounts: int) -> Contender:
    return Contender(
        f"addon-{accounts}",
        f"addon, {accounts} account{'s' if accounts != 1 else ''}",
        Api.RESPONSES,
        _with_addon(accounts),
    )


DIRECT: Final = Contender("direct", "the upstream itself", Api.CHAT, None)
STREAM: Final = Contender(
    "stream", "mitmdump, streaming", Api.CHAT, _bare("--set", "stream_large_bodies=1")
)
IDENTITY: Final = Contender(
    "identity", "mitmdump, a function on the stream", Api.CHAT, _bare("-s", str(_IDENTITY))
)
OURS: Final = Contender("addon", "mitmdump with this addon", Api.RESPONSES, _with_addon(_ACCOUNTS))
PEER: Final = Contender("litellm", "LiteLLM", Api.RESPONSES, _litellm)

POOLS: Final = {accounts: _addon(accounts) for accounts in (1, 10, 100, 1000)}
"""Ours, by how many accounts it has."""
