"""Tells mitmproxy of the views when the addon loads, and takes them out when it unloads."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from mitmproxy import contentviews
from mitmproxy.addonmanager import Loader

from addon.proxy.views.content_views import VIEWS
from addon.proxy.views.inspecting import Inspector, RunningProxy

_contentviews: Final[Any] = contentviews
"""Untyped: each version has only the half of it that is asked for."""


class QwenViews:
    """The views, for as long as the addon is loaded."""

    def __init__(self, proxy: RunningProxy) -> None:
        self._inspector = Inspector(proxy)
        self._uninstall: list[Callable[[], None]] = []

    def load(self, _loader: Loader) -> None:
        """They can be chosen from now on."""
        install = _install if hasattr(contentviews, "registry") else _install_legacy
        self._uninstall = [install(name, self._inspector) for name in VIEWS]

    def done(self) -> None:
        """They cannot any more."""
        for uninstall in self._uninstall:
            uninstall()
        self._uninstall = []


def _install(name: str, inspector: Inspector) -> Callable[[], None]:
    from addon.proxy.views.contentview import QwenContentview  # noqa: PLC0415  # not in 11

    registry, view = _contentviews.registry, QwenContentview(name, inspector)
    _contentviews.add(view)

    def uninstall() -> None:
        # mitmproxy 12 has no way to take a view out; the next one of its name would replace it
        views = getattr(registry, "_by_name", {})
        if views.get(name) is view:
            del views[name]
            registry.on_change.send(view)

    return uninstall


def _install_legacy(name: str, inspector: Inspector) -> Callable[[], None]:
    from addon.proxy.views.legacy_view import QwenView  # noqa: PLC0415

    view = QwenView(name, inspector)
    if (earlier := _contentviews.get(name)) is not None:
        _contentviews.remove(earlier)
    _contentviews.add(view)

    def uninstall() -> None:
        if view in _contentviews.views:
            _contentviews.remove(view)

    return uninstall
