"""What bench and fuzzers need and the proxy does not, each in a virtual environment of its own.

They are made when they are first needed, in ``.venvs``, with the Python that runs this.
Versions are named, so that a run can be repeated, and so that nothing newer is run unread:
LiteLLM's releases have been tampered with more than once.
"""

from __future__ import annotations

import subprocess
import sys
import sysconfig
import venv
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.support.proxy import ROOT


@dataclass(frozen=True, slots=True)
class Environment:
    """One package from PyPI."""

    name: str
    requirement: str

    @property
    def folder(self) -> Path:
        """Where it is, or will be."""
        return ROOT / ".venvs" / f"with-{self.name}"

    def program(self, name: str) -> str:
        """The path of one of its programs; makes the environment where it is missing."""
        self._be_there()
        return str(self.folder / "bin" / name)

    def packages(self) -> Path:
        """Where what was installed can be imported from, by the Python that runs this."""
        self._be_there()
        return Path(sysconfig.get_path("purelib", vars={"base": str(self.folder)}))

    def _be_there(self) -> None:
        made_for = self.folder / "made-for"
        if not made_for.exists() or made_for.read_text("utf-8") != self._made_for():
            print(f"making {self.folder} (once; takes a minute)", file=sys.stderr)  # noqa: T201
            self._make()
            made_for.write_text(self._made_for(), "utf-8")

    def _made_for(self) -> str:
        return f"{self.folder} {self.requirement} {sys.version}"

    def _make(self) -> None:
        venv.create(self.folder, clear=True, with_pip=True)
        pip = (str(self.folder / "bin" / "python"), "-I", "-m", "pip", "install", "-qq")
        subprocess.run((*pip, "--disable-pip-version-check", self.requirement), check=True)


LITELLM: Final = Environment("litellm", "litellm[proxy]==1.106.12")
PY_SPY: Final = Environment("py-spy", "py-spy==0.4.3")
ATHERIS: Final = Environment("atheris", "atheris>=3.0,<4")
