"""What runs in the proxy's process: ``python -m addon.cli.exec.server``, with a plan on stdin.

The plan is the first line; what follows, its end, is for ``proxy/attached.py``. It comes that
way since others on this machine may read a command line, and a proxy's password is in it.
"""

from __future__ import annotations

import json
import os
import sys
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import addon
from addon.cli.failure import CommandFailed
from addon.cli.listeners import HOST, origin_of
from addon.cli.mitmproxy_program import run_program

_SCRIPTS: Final = ("main.py", "proxy/attached.py")
"""What mitmproxy loads, in this order: the second looks at what the first has decided."""

_SAME_HOST: Final = "127.1"
"""HOST, written otherwise: mitmproxy takes two listeners on any port of one host for one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How the proxy is to run."""

    folder: str
    """Its own, for all that it leaves; it goes with it."""
    base_url: str
    """Of the settings: what is not translated goes on to its host."""
    client_id: str
    sandbox: bool = False
    outlet: str = ""
    """The proxy that it goes out through, as ``http://host:port``."""
    outlet_login: str = ""
    """``user:password``."""
    no_proxy: str = ""
    """Hosts that are reached without it."""
    trusted: str = ""
    """A file of certificates, of whom it trusts in place of the usual."""

    def to_json(self) -> str:
        """One line."""
        return json.dumps(asdict(self))


def main() -> None:
    """Run the proxy that the plan on standard input tells of, to its end."""
    # mitmproxy's log is on standard output, which is for the report alone
    report = os.dup(sys.stdout.fileno())
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    plan = Plan(**json.loads(sys.stdin.buffer.readline()))
    folder = Path(addon.__file__).parent
    arguments = ["--set", f"attached_report={report}"]
    arguments += [part for script in _SCRIPTS for part in ("-s", str(folder / script))]
    base_url = plan.base_url
    with ExitStack() as until_the_end:
        if plan.sandbox:
            # not for the process that makes the plan
            from addon.cli.sandbox import started_sandbox  # noqa: PLC0415

            simulated = until_the_end.enter_context(started_sandbox(plan.client_id))
            arguments += simulated.arguments()
            base_url = simulated.base_url
        run_program("mitmdump", [*arguments, *_modes(plan, base_url), *_options(plan)])


def _modes(plan: Plan, base_url: str) -> list[str]:
    proxy = f"upstream:{plan.outlet}" if plan.outlet else "regular"
    modes = (f"{proxy}@{_SAME_HOST}:0", f"reverse:{origin_of(base_url)}@{HOST}:0")
    return [part for mode in modes for part in ("--mode", mode)]


def _options(plan: Plan) -> list[str]:
    options = {
        "confdir": plan.folder,
        "attached_folder": plan.folder,
        "attached_via": plan.outlet,
        "attached_no_proxy": plan.no_proxy,
        "upstream_auth": plan.outlet_login,
        "ssl_verify_upstream_trusted_ca": plan.trusted,
    }
    return [part for key, value in options.items() if value for part in ("--set", f"{key}={value}")]


if __name__ == "__main__":
    try:
        main()
    except CommandFailed as failure:
        sys.exit(str(failure))
