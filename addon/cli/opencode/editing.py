"""A config's text with our provider in it, and without. Pure.

A provider under our name that we did not put in is somebody's work, or the plugin's: it is told
of and left alone, unless the person says otherwise. What a person has changed inside ours
stays too, when an install is run again; only the base URL, which is what an install is told,
is brought up to date.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Final

from addon.cli.config_files.jsonc import Json, Member, Node, has_comments, parse
from addon.cli.config_files.members import rendered, style_of, with_member, without_member
from addon.cli.opencode.provider import ID, is_ours, provider

_SECTION: Final = "provider"
_SCHEMA: Final[dict[str, Json]] = {"$schema": "https://opencode.ai/config.json"}


class NotAnObject(ValueError):
    """The config, or its providers, are something else."""


@dataclass(frozen=True, slots=True)
class Config:
    """A config's text, taken apart. Raises JsoncFault and NotAnObject when made."""

    text: str
    root: Node | None
    providers: Node | None
    ours: Member | None
    """The provider under our name, whoever put it in."""

    @property
    def values(self) -> dict[str, Json]:
        """All that it says."""
        return self.root.value if self.root and isinstance(self.root.value, dict) else {}

    @property
    def is_installed(self) -> bool:
        """Whether the provider under our name is ours."""
        return self.ours is not None and is_ours(self.ours.node.value)

    @property
    def base_url(self) -> str | None:
        """Where the provider under our name leads."""
        node = self._base_url_node()
        return node.value if node and isinstance(node.value, str) else None

    @property
    def is_untouched(self) -> bool:
        """Whether our provider is as an install leaves it, comments and all."""
        assert self.ours is not None
        is_as_put_in = self.ours.node.value == provider(self.base_url or "")
        return is_as_put_in and not _is_commented(self.text, self.ours)

    def _base_url_node(self) -> Node | None:
        options = self.ours.node.member("options") if self.ours else None
        member = options.node.member("baseURL") if options else None
        return member.node if member else None

    def with_base_url(self, base_url: str) -> str:
        """The text in which our provider leads there, and is otherwise as it was."""
        node = self._base_url_node()
        if node is None:
            return self.with_provider(provider(base_url))
        return f"{self.text[: node.start]}{json.dumps(base_url)}{self.text[node.end :]}"

    def with_provider(self, value: Json) -> str:
        """The text with ``value`` as our provider, in the place of any that is there."""
        style = style_of(self.text, self.root)
        if self.root is None:
            whole: dict[str, Json] = {**_SCHEMA, _SECTION: {ID: value}}
            gap = "" if self.text.endswith("\n") or not self.text else style.newline
            return f"{self.text}{gap}{rendered(whole, style, '')}{style.newline}"
        if self.providers is None:
            return with_member(self.text, self.root, _SECTION, {ID: value}, style)
        if self.ours is None:
            return with_member(self.text, self.providers, ID, value, style)
        without = parsed(without_member(self.text, self.providers, self.ours))
        return without.with_provider(value)

    def without_provider(self, *, keeps_section: bool) -> str:
        """The text without the provider under our name.

        ``keeps_section``: ``provider`` was there before us and stays, even if it is empty now.
        """
        assert self.root is not None
        assert self.providers is not None
        assert self.ours is not None
        text = without_member(self.text, self.providers, self.ours)
        rest = parsed(text)
        if keeps_section or rest.providers is None or rest.root is None:
            return text
        section = rest.root.member(_SECTION)
        if section is None or section.node.value or _is_commented(text, section):
            return text
        return without_member(text, rest.root, section)


def parsed(text: str) -> Config:
    """Raises JsoncFault and NotAnObject."""
    root = parse(text)
    if root is None:
        return Config(text, None, None, None)
    if not isinstance(root.value, dict):
        raise NotAnObject("must hold an object")
    section = root.member(_SECTION)
    if section is None:
        return Config(text, root, None, None)
    if not isinstance(section.node.value, dict):
        raise NotAnObject(f"{_SECTION} must be an object")
    return Config(text, root, section.node, section.node.member(ID))


def _is_commented(text: str, member: Member) -> bool:
    return has_comments(text[member.start : member.node.end])


def taken_out(config: Config, before: str | None) -> str | None:
    """The text without our provider; None where the file was made for it and holds nothing else.

    ``before`` is what the file held before the install, where that is still known: if nothing
    else was changed since, it is exactly that again.
    """
    assert config.ours is not None
    known = _parsed_if_sound(before)
    if known is not None and known.with_provider(config.ours.node.value) == config.text:
        return known.text
    keeps_section = known is not None and known.providers is not None
    text = config.without_provider(keeps_section=keeps_section)
    return None if known is None and text == _made_for_it() else text


def _made_for_it() -> str:
    """What is left of a file that an install has made."""
    return parsed(parsed("").with_provider({})).without_provider(keeps_section=False)


def _parsed_if_sound(text: str | None) -> Config | None:
    try:
        return None if text is None else parsed(text)
    except ValueError:
        return None
