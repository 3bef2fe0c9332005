"""A view for mitmproxy 11, whose interface 12 still has and calls deprecated."""

from __future__ import annotations

from mitmproxy import http
from mitmproxy.contentviews import View
from mitmproxy.contentviews.base import TViewResult
from mitmproxy.flow import Flow

from addon.proxy.views.inspecting import Inspector


class QwenView(View):
    """One of the views."""

    def __init__(self, name: str, inspector: Inspector) -> None:
        self.name = name  # type: ignore[misc]
        self._inspector = inspector

    def __call__(
        self,
        data: bytes,
        *,
        content_type: str | None = None,  # noqa: ARG002  # mitmproxy's names
        flow: Flow | None = None,
        http_message: http.Message | None = None,
        **unknown_metadata: object,  # noqa: ARG002
    ) -> TViewResult:
        """What to call it, and the message as lines."""
        text = self._inspector.text(self.name, data, flow, http_message)
        return self.name, ([("text", line)] for line in text.split("\n"))

    def render_priority(
        self,
        data: bytes,  # noqa: ARG002
        *,
        content_type: str | None = None,  # noqa: ARG002
        flow: Flow | None = None,
        http_message: http.Message | None = None,
        **unknown_metadata: object,  # noqa: ARG002
    ) -> float:
        """Whether mitmproxy is to choose it by itself."""
        return self._inspector.priority(self.name, flow, http_message)
