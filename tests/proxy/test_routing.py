"""Which requests are ours."""

from __future__ import annotations

import pytest
from mitmproxy import http

from addon.proxy.routing import Route, host_of, is_reverse, our_hosts, route_of
from addon.settings import Settings
from tests.proxy.flows import flow_to

ROUTES: list[tuple[str, str, Route | None]] = [
    ("POST", "/v1/responses", Route.RESPONSES),
    ("POST", "/responses", Route.RESPONSES),
    ("POST", "/compatible-mode/v1/responses?x=1", Route.RESPONSES),
    ("POST", "/v1/chat/completions", Route.CHAT_COMPLETIONS),
    ("GET", "/v1/models", Route.MODELS),
    ("GET", "/v1/responses", None),
    ("GET", "/v1/responses/resp_1", None),
    ("POST", "/v1/responses/resp_1/cancel", None),
    ("POST", "/v1/responses/compact", None),
    ("POST", "/v1/no-responses", None),
    ("OPTIONS", "/v1/responses", None),
    ("POST", "/v1/models", None),
    ("GET", "/v1/models/qwen3-coder-plus", None),
    ("POST", "/v1/embeddings", None),
    ("GET", "/", None),
]


@pytest.mark.parametrize(("method", "path", "route"), ROUTES)
def test_method_and_path_decide_the_route(method: str, path: str, route: Route | None) -> None:
    assert route_of(http.Request.make(method, f"https://portal.qwen.ai{path}")) is route


def test_our_hosts_are_the_defaults_the_configured_the_accounts_and_the_named_ones() -> None:
    settings = Settings.model_validate(
        {"base_url": "https://example.com/v1", "intercept_hosts": ["api.openai.com"]}
    )
    accounts = frozenset({"https://dashscope.aliyuncs.com/compatible-mode/v1"})
    assert our_hosts(settings, accounts) == {
        "portal.qwen.ai",
        "example.com",
        "dashscope.aliyuncs.com",
        "api.openai.com",
    }


@pytest.mark.parametrize(
    ("mode", "host"),
    [
        ("regular", "portal.qwen.ai"),
        ("upstream:http://127.0.0.1:3128", "portal.qwen.ai"),
        ("socks5", "portal.qwen.ai"),
        ("transparent", "named.example"),
        ("local", "named.example"),
    ],
)
def test_a_host_is_taken_from_where_the_client_cannot_have_meant_another(
    mode: str, host: str
) -> None:
    flow = flow_to("https://portal.qwen.ai/v1/responses", mode=mode)
    flow.request.headers["host"] = "named.example"
    assert host_of(flow) == host


def test_only_a_reverse_listener_is_one() -> None:
    assert is_reverse(flow_to("http://x/", mode="reverse:https://portal.qwen.ai").client_conn)
    assert not is_reverse(flow_to("http://x/").client_conn)
