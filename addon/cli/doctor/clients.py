"""OpenCode's and Codex's configs: whether their provider leads to the proxy.

A client that is started with ``qwen-proxy exec`` needs none of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from addon.accounts.plugin import lists_plugin, plugin_in_between
from addon.cli.config_files.file import read
from addon.cli.doctor.finding import Finding, note, ok, wrong
from addon.cli.failure import CommandFailed
from addon.cli.listeners import DEFAULT_PORT, Listeners
from addon.cli.running import Running
from addon.cli.surroundings import Surroundings
from addon.settings import Settings


@dataclass(frozen=True, slots=True)
class Ways:
    """The base URLs that lead to the proxy."""

    port: int
    base_urls: frozenset[str]

    def judge(self, client: str, path: Path, base_url: str | None) -> Finding:
        """What is to be said of a provider in ``path`` that leads to ``base_url``."""
        if base_url in self.base_urls:
            return ok(client, f"{path} leads to {base_url}")
        return wrong(
            client,
            f"the provider qwen in {path} leads to {base_url}, where no proxy of ours is",
            f"{_install(client)}{_port_option(self.port)}",
        )


def ways(settings: Settings, port: int, running: Running) -> Ways:
    """With a proxy on ``port``, with those that run, or with one in between."""
    ports = {each.port for proxy in running.proxies for each in proxy.listeners}
    at = {Listeners(port).base_url, *(Listeners(each - 1).base_url for each in ports)}
    return Ways(port, frozenset({settings.base_url, *at}))


def look_at_opencode(around: Surroundings, known: Ways) -> Iterator[Finding]:
    """The config that counts most first; of OpenCode's, a project's outranks the person's."""
    from addon.cli.config_files.jsonc import JsoncFault  # noqa: PLC0415
    from addon.cli.opencode.editing import NotAnObject, parsed  # noqa: PLC0415
    from addon.cli.opencode.files import project_scope, user_scope  # noqa: PLC0415

    places = (
        scope(around.env, home=around.home, cwd=around.cwd) for scope in (project_scope, user_scope)
    )
    is_there = False
    for path in dict.fromkeys(path for place in places for path in place.files):
        try:
            config = parsed(read(path).text)
        except (CommandFailed, JsoncFault, NotAnObject) as fault:
            yield wrong("OpenCode", f"{path}: {fault}", "correct it there")
            continue
        if lists_plugin(config.values):
            yield note("OpenCode", plugin_in_between(path))
        if config.ours is not None and not is_there:
            is_there = True
            yield known.judge("OpenCode", path, config.base_url)
    if not is_there:
        yield _nothing("OpenCode", known.port)


def look_at_codex(around: Surroundings, known: Ways) -> Finding:
    """Its one config."""
    from addon.cli.codex.editing import parsed  # noqa: PLC0415
    from addon.cli.codex.set_up import codex_home  # noqa: PLC0415
    from addon.cli.config_files.toml import TomlFault  # noqa: PLC0415

    path = codex_home(around.env, home=around.home, cwd=around.cwd) / "config.toml"
    try:
        config = parsed(read(path).text)
    except (CommandFailed, TomlFault) as fault:
        return wrong("Codex", f"{path}: {fault}", "correct it there")
    if config.provider is None:
        return _nothing("Codex", known.port)
    return known.judge("Codex", path, config.base_url)


def _nothing(client: str, port: int) -> Finding:
    what = "no config of it has the provider qwen, which qwen-proxy exec does not need"
    return note(client, what, f"{_install(client)}{_port_option(port)}")


def _install(client: str) -> str:
    return f"qwen-proxy {client.lower()} install"


def _port_option(port: int) -> str:
    return "" if port == DEFAULT_PORT else f" --port {port}"
