"""mitmproxy has the views while the addon is loaded, once each, by its old interface or its new."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, cast

import pytest
from mitmproxy import contentviews, ctx, http
from mitmproxy.addonmanager import Loader
from mitmproxy.flow import Flow

from addon.proxy.exchange import Exchange, ExchangeBook
from addon.proxy.routing import Route
from addon.proxy.views.content_views import VIEWS
from addon.proxy.views.installing import QwenViews
from addon.proxy.views.keeping import Keeping
from addon.proxy.views.shelf import Shelf
from tests.proxy.views.exchanges import HELLO, answering, begun, saved_and_read, sent

IS_NEW = hasattr(contentviews, "registry")
module = cast("Any", contentviews)
LOADER = cast("Loader", None)
"""They add no option."""


class Proxy:
    """The addon, as the views know it."""

    def __init__(self) -> None:
        self.book = ExchangeBook()

    def exchange_of(self, flow: http.HTTPFlow) -> Exchange | None:
        return self.book.get(flow)


@pytest.fixture
def proxy() -> Proxy:
    return Proxy()


@pytest.fixture
def views(proxy: Proxy, monkeypatch: pytest.MonkeyPatch) -> Iterator[QwenViews]:
    monkeypatch.setattr(ctx, "options", SimpleNamespace(protobuf_definitions=None), raising=False)
    views = QwenViews(proxy)
    views.load(LOADER)
    yield views
    views.done()


def names() -> list[str]:
    if IS_NEW:
        return [name for name in module.registry if name.startswith("qwen")]
    return [view.name for view in module.views if view.name.startswith("qwen")]


def shown(of: Flow, message: http.Message | None, view: str = "auto") -> str:
    """As mitmweb and the console ask for it."""
    if IS_NEW:
        return str(module.prettify_message(message, of, view).text)
    _, lines, error = module.get_message_content_view(view, message, of)
    assert error is None
    return "\n".join("".join(text for _, text in line) for line in lines)


@pytest.mark.usefixtures("views")
def test_they_are_there_in_this_order() -> None:
    assert sorted(names()) == ["qwen client", "qwen conversation", "qwen upstream"] == [*VIEWS]


def test_loaded_again_each_is_there_once_and_unloaded_none(
    views: QwenViews, proxy: Proxy, caplog: pytest.LogCaptureFixture
) -> None:
    views.done()
    assert names() == []
    views.load(LOADER)
    assert "Replacing" not in caplog.text
    QwenViews(proxy).load(LOADER)  # as if the first had not been unloaded
    assert len(names()) == 3
    views.done()
    views.done()
    assert len(names()) == 3


def test_those_of_another_that_came_later_stay(views: QwenViews, proxy: Proxy) -> None:
    later = QwenViews(proxy)
    later.load(LOADER)
    views.done()
    assert len(names()) == 3
    later.done()
    assert names() == []


@pytest.mark.usefixtures("views")
@pytest.mark.parametrize("route", [Route.RESPONSES, Route.CHAT_COMPLETIONS])
def test_a_conversation_is_chosen_by_itself_for_our_messages(route: Route) -> None:
    keeping = Keeping(Shelf(each=100_000, in_all=100_000))
    exchange = sent(begun(keeping, route))
    answering(exchange, *HELLO)
    keeping.over(exchange)
    for each in (exchange.flow, saved_and_read(exchange.flow)):
        assert "── assistant ──\nHello" in shown(each, each.response)
        assert shown(each, each.request).startswith(("Responses API,", "Chat Completions,"))


@pytest.mark.usefixtures("views")
def test_an_answer_that_was_not_kept_has_a_view_all_the_same() -> None:
    keeping = Keeping(Shelf(each=0, in_all=0))
    exchange = sent(begun(keeping))
    answering(exchange, *HELLO)
    keeping.over(exchange)
    assert shown(exchange.flow, exchange.flow.response) == "# Not kept: inspect_body_limit is 0."


@pytest.mark.usefixtures("views")
def test_an_exchange_under_way_is_shown_as_far_as_it_is(proxy: Proxy) -> None:
    keeping = Keeping(Shelf(each=100_000, in_all=100_000))
    exchange = sent(begun(keeping))
    answering(exchange, *HELLO[:2])
    proxy.book._by_flow[exchange.flow.id] = exchange
    flow = exchange.flow
    assert "# Under way: what there is so far.\n\nResponses API," in shown(flow, flow.response)
    assert "Hel" in shown(flow, flow.response, "qwen upstream")
    assert "How do you do?" in shown(flow, flow.request, "qwen client")


@pytest.mark.usefixtures("views")
def test_others_messages_are_shown_as_ever() -> None:
    keeping = Keeping(Shelf(each=100_000, in_all=100_000))
    models = sent(begun(keeping, Route.MODELS))
    answering(models, b'{"object":"list"}')
    keeping.over(models)
    assert shown(models.flow, models.flow.response) == '{"object":"list"}'
    stranger = begun(keeping).flow
    assert "Responses API" not in shown(stranger, stranger.request)
    assert "# No exchange" in shown(stranger, stranger.request, "qwen conversation")
