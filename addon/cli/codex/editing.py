"""The text of Codex's config.toml with our provider in it, and without. Pure.

The provider is a table of config.toml, so that sessions, whatever they were started with, find
it. Which model is used is said in a profile, ``qwen.config.toml``, that ``codex --profile qwen``
lays over config.toml (since Codex 0.134 a file of its own, no table): the person's own choice
stays. Only where there is none does config.toml say the same, and plain ``codex`` will do.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

from addon.cli.config_files.members import newline_of
from addon.cli.config_files.toml import (
    Statement,
    assignments,
    parse,
    statements,
    with_assignments,
    with_table,
    with_value,
    without,
)

ID: Final = "qwen"
"""The name of the provider, and of the profile."""

MODEL: Final[dict[str, str | int]] = {
    "model": "qwen3-coder-plus",
    "model_provider": ID,
    # Codex does not know the model, and would take it to remember less
    "model_context_window": 1_000_000,
}

_TABLE: Final = ("model_providers", ID)
_NAME: Final = "Qwen (qwen-proxy)"
"""Shown to people; it is also how a provider is known as ours, whatever else was changed."""
_WIRE_API: Final = "responses"
_TITLE: Final = f"# codex --profile {ID}\n"


class NotSeparate(ValueError):
    """The provider is, or would have to be, a part of a larger value."""

    def __init__(self) -> None:
        super().__init__("model_providers is written as one value, which cannot be changed safely")


@dataclass(frozen=True, slots=True)
class Config:
    """A config.toml, or a profile."""

    text: str
    values: dict[str, Any]

    @property
    def provider(self) -> dict[str, Any] | None:
        """The one under our name, whoever put it in."""
        providers = self.values.get("model_providers")
        found = providers.get(ID) if isinstance(providers, dict) else None
        return found if isinstance(found, dict) else None

    @property
    def is_installed(self) -> bool:
        """Whether the provider under our name is ours."""
        found = self.provider or {}
        return (found.get("name"), found.get("wire_api")) == (_NAME, _WIRE_API)

    @property
    def base_url(self) -> str | None:
        """Where the provider under our name leads."""
        found = (self.provider or {}).get("base_url")
        return found if isinstance(found, str) else None

    @property
    def is_untouched(self) -> bool:
        """Whether our provider is as an install leaves it, comments and all."""
        table = [each for each in statements(self.text) if _is_of_provider(each)]
        behind = [
            self.text[each.value_end : following.start] for each, following in pairwise(table)
        ]
        behind += [self.text[each.value_end : each.end] for each in table[-1:]]
        is_commented = any("#" in text for text in behind)
        return not is_commented and self.provider == _provider(self.base_url or "")

    @property
    def uses_provider(self) -> bool:
        """Whether the provider under our name is the one that is used."""
        return self.values.get("model_provider") == ID

    @property
    def own_choice(self) -> str | None:
        """The key by which the person chose a model or a provider; None: by none."""
        if self.uses_provider:
            return None
        return next(
            (key for key in ("model", "model_provider", "profile") if key in self.values), None
        )

    def with_provider(self, base_url: str) -> Config:
        """With ours, in the place of any of its name. Raises NotSeparate."""
        text = without(self.text, _is_of_provider)
        return _checked(with_table(text, ".".join(_TABLE), _provider(base_url)), base_url)

    def with_base_url(self, base_url: str) -> Config:
        """Where our provider leads there, and is otherwise as it was. Raises NotSeparate."""
        path = (*_TABLE, "base_url")
        found = next((each for each in statements(self.text) if each.path == path), None)
        if found is None:
            return self.with_provider(base_url)
        return _checked(with_value(self.text, found, base_url), base_url)

    def with_model(self) -> Config:
        """Where plain ``codex`` uses our provider."""
        new = {key: value for key, value in MODEL.items() if key not in self.values}
        return parsed(with_assignments(self.text, new))

    def without_model(self) -> Config:
        """Where our provider is not the one that is used."""
        return parsed(without(self.text, self._is_of_model))

    def without_provider(self) -> Config:
        """Without the provider under our name, and without its use. Raises NotSeparate."""

        def is_meant(statement: Statement) -> bool:
            return _is_of_provider(statement) or self._is_of_model(statement)

        return _checked(without(self.text, is_meant), None)

    def _is_of_model(self, statement: Statement) -> bool:
        """Whatever of our models was chosen since: without its provider it means nothing."""
        if statement.is_header or len(statement.path) > 1 or not self.uses_provider:
            return False
        key = statement.path[0]
        value = self.values[key]
        is_qwen = key == "model" and isinstance(value, str) and value.startswith("qwen")
        return is_qwen or (key in MODEL and value == MODEL[key])


def parsed(text: str) -> Config:
    """Raises TomlFault."""
    return Config(text, parse(text))


def _provider(base_url: str) -> dict[str, str | int]:
    return {"name": _NAME, "base_url": base_url, "wire_api": _WIRE_API}


def _is_of_provider(statement: Statement) -> bool:
    return statement.path[:2] == _TABLE


def _checked(text: str, base_url: str | None) -> Config:
    try:
        config = parsed(text)
    except ValueError:
        raise NotSeparate from None
    if config.base_url != base_url or (base_url is None and config.provider is not None):
        raise NotSeparate
    return config


def taken_out(config: Config, before: str | None) -> str | None:
    """The text without our provider; None where the file was made for it and holds nothing else.

    ``before`` is what the file held before the install, where that is still known: if nothing
    else was changed since, it is exactly that again. Raises NotSeparate.
    """
    if before is not None and _gives(before, config):
        return before
    text = config.without_provider().text
    return None if before is None and not text else text


def _gives(before: str, config: Config) -> bool:
    """Whether an install makes ``config`` of ``before``."""
    try:
        known = parsed(before)
        if config.uses_provider and not known.uses_provider:
            known = known.with_model()
        return known.with_provider(config.base_url or "").text == config.text
    except ValueError:
        return False


# The profile


def new_profile(newline: str = "\n") -> str:
    """What ``codex --profile qwen`` lays over config.toml."""
    return _TITLE.replace("\n", newline) + assignments(MODEL, newline)


def without_profile(text: str) -> str | None:
    """A profile's text without what is ours; None where nothing else is left. Raises TomlFault."""
    profile = parsed(text)
    if not profile.uses_provider:
        return text
    rest = profile.without_model().text
    title = _TITLE.replace("\n", newline_of(rest))
    if rest.startswith(title):
        rest = rest.removeprefix(title).lstrip("\r\n")
    return rest if rest.strip() else None
