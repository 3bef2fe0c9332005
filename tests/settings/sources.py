"""Config files in a made-up home and project, for tests."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from addon.settings import Settings, SettingsError, load_settings

LINUX = "linux"


@dataclass(frozen=True, slots=True)
class Sources:
    """A home and a project, in which config files can be written, and an environment."""

    folder: Path

    @property
    def user_file(self) -> Path:
        return self.folder / "home/.config/opencode/qwen.json"

    @property
    def project_file(self) -> Path:
        return self.folder / "project/.opencode/qwen.json"

    def load(
        self,
        *,
        user: object = None,
        project: object = None,
        env: Mapping[str, str] | None = None,
    ) -> Settings:
        """``user`` and ``project``: the files' contents, bytes as they are, else as JSON."""
        for path, content in ((self.user_file, user), (self.project_file, project)):
            if content is not None:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(
                    content if isinstance(content, bytes) else json.dumps(content).encode()
                )
        return load_settings(
            env or {}, self.folder / "project", platform=LINUX, home=self.folder / "home"
        )

    def faults(self, **sources: object) -> list[str]:
        """The lines of the error that loading ends with; {user} and {project} for the paths."""
        with pytest.raises(SettingsError) as raised:
            self.load(**sources)  # type: ignore[arg-type]
        text = str(raised.value)
        assert raised.value.lines == tuple(text.splitlines())
        for path, name in ((self.user_file, "{user}"), (self.project_file, "{project}")):
            text = text.replace(str(path), name)
        return text.splitlines()
