"""A view for mitmproxy 12 and newer."""

from __future__ import annotations

from mitmproxy.contentviews import Contentview, Metadata, SyntaxHighlight

from addon.proxy.views.inspecting import Inspector


class QwenContentview(Contentview):
    """One of the views."""

    def __init__(self, name: str, inspector: Inspector) -> None:
        self._name = name
        self._inspector = inspector

    @property
    def name(self) -> str:
        """By which a person chooses it."""
        return self._name

    @property
    def syntax_highlight(self) -> SyntaxHighlight:
        """None: it is no one language."""
        return "none"

    def prettify(self, data: bytes, metadata: Metadata) -> str:
        """The message as a text."""
        return self._inspector.text(self._name, data, metadata.flow, metadata.http_message)

    def render_priority(self, data: bytes, metadata: Metadata) -> float:  # noqa: ARG002  # its name
        """Whether mitmproxy is to choose it by itself."""
        return self._inspector.priority(self._name, metadata.flow, metadata.http_message)
