"""Metrics for Prometheus, by its official client library.

Names and bounds of what a request cost are those of OpenTelemetry's conventions for
generative AI (semantic-conventions-genai, gen-ai-metrics.md), spelt as Prometheus wants them
(dots become underscores, the unit is the suffix). What is about accounts is named ``qwen_…``.
Nothing is counted here: what the tally and the status say is written down when it is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from prometheus_client import CollectorRegistry
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.exposition import choose_encoder
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from addon.broker.status import AccountStatus, ProxyStatus, Standing, by_unique_name
from addon.proxy.pages.tally import Counts, Tally, Target

_OPERATION: Final = "chat"
_PROVIDERS: Final = {"aliyuncs.com": "dashscope", "qwen.ai": "qwen", "openai.com": "openai"}
"""``gen_ai.provider.name`` by domain; of another service it is the host."""

_TARGET_LABELS: Final = (
    "gen_ai_operation_name",
    "gen_ai_provider_name",
    "gen_ai_request_model",
    "server_address",
)


def metrics_page(tally: Tally, status: ProxyStatus, accept: str) -> tuple[bytes, str]:
    """The page and its content type: OpenMetrics where ``accept`` asks for it."""
    registry = CollectorRegistry()
    registry.register(_Requests(tally))
    registry.register(_Proxy(status))
    ProcessCollector(registry=registry)
    encode, content_type = choose_encoder(accept)
    return encode(registry), content_type


class _Requests(Collector):
    """What requests cost."""

    def __init__(self, tally: Tally) -> None:
        self._tally = tally

    def collect(self) -> Iterator[Metric]:
        tally = self._tally
        yield _histogram(
            "gen_ai_client_operation_duration_seconds",
            "From the head of a request to the end of its answer.",
            "error_type",
            tally.durations,
        )
        yield _histogram(
            "gen_ai_client_token_usage",
            "Tokens of a request (input, those read from the cache among them) and of its answer.",
            "gen_ai_token_type",
            tally.tokens,
        )
        first = HistogramMetricFamily(
            "gen_ai_client_operation_time_to_first_chunk_seconds",
            "From the head of a request to the first event of its answer, where that streams.",
            labels=_TARGET_LABELS,
        )
        for target, counts in tally.first_chunks.items():
            first.add_metric(_labels(target), _buckets(counts), counts.total)
        yield first
        cached = CounterMetricFamily(
            "qwen_cached_input_tokens",
            "Input tokens that an upstream read from its prompt cache.",
            labels=_TARGET_LABELS,
        )
        for target, tokens in tally.cached_tokens.items():
            cached.add_metric(_labels(target), tokens)
        yield cached
        attempts = CounterMetricFamily(
            "qwen_attempts",
            "Attempts that were answered, by account; error_type is empty where it served.",
            labels=("account", "error_type"),
        )
        for labels, count in tally.attempts.items():
            attempts.add_metric(labels, count)
        yield attempts


class _Proxy(Collector):
    """How the proxy and its accounts do at this moment."""

    def __init__(self, status: ProxyStatus) -> None:
        self._status = status

    def collect(self) -> Iterator[Metric]:
        status = self._status
        yield InfoMetricFamily(
            "qwen_proxy",
            "This program.",
            value={
                "version": status.version,
                "mitmproxy": status.mitmproxy,
                "strategy": status.strategy,
            },
        )
        yield _gauge("qwen_requests_in_flight", "Requests that hold an account.", status.under_way)
        yield _gauge("qwen_requests_waiting", "Requests that wait for one.", status.waiting)
        yield from self._accounts()

    def _accounts(self) -> Iterator[Metric]:
        by_name = by_unique_name(self._status.accounts)
        standing = GaugeMetricFamily(
            "qwen_account_standing",
            "1 for what an account can do at the moment, 0 for all else.",
            labels=("account", "standing"),
        )
        for name, account in by_name.items():
            for each in Standing:
                standing.add_metric((name, each), float(account.standing is each))
        yield standing
        for metric, documentation, value in _OF_ACCOUNTS:
            gauge = GaugeMetricFamily(f"qwen_account_{metric}", documentation, labels=("account",))
            for name, account in by_name.items():
                told = value(account)
                if told is not None:
                    gauge.add_metric((name,), told)
            yield gauge


_OF_ACCOUNTS: Final[tuple[tuple[str, str, Callable[[AccountStatus], float | None]], ...]] = (
    ("health", "Health of an account, 0 to 100.", lambda account: account.health),
    ("bucket_tokens", "Tokens in its bucket.", lambda account: account.bucket),
    ("requests_in_flight", "Requests that it serves.", lambda account: account.in_flight),
    (
        "rest_end_timestamp_seconds",
        "When its standing ends by itself, where that is known (Unix time).",
        lambda account: _seconds(account.until_ms),
    ),
    (
        "token_expiry_timestamp_seconds",
        "When the token of a sign-in expires (Unix time).",
        lambda account: _seconds(account.token_expires_ms),
    ),
)


def _seconds(milliseconds: int | None) -> float | None:
    return None if milliseconds is None else milliseconds / 1000


def _gauge(name: str, documentation: str, value: float) -> Metric:
    return GaugeMetricFamily(name, documentation, value=value)


def _histogram(
    name: str, documentation: str, label: str, series: Mapping[tuple[Target, str], Counts]
) -> Metric:
    metric = HistogramMetricFamily(name, documentation, labels=(*_TARGET_LABELS, label))
    for (target, value), counts in series.items():
        metric.add_metric((*_labels(target), value), _buckets(counts), counts.total)
    return metric


def _buckets(counts: Counts) -> list[tuple[str, float]]:
    """Cumulative, as Prometheus has them."""
    bounds = [*map(str, map(float, counts.bounds)), "+Inf"]
    total = 0
    return [
        (bound, float(total := total + count))
        for bound, count in zip(bounds, counts.buckets, strict=True)
    ]


def _labels(target: Target) -> tuple[str, str, str, str]:
    return _OPERATION, _provider(target.server), target.model, target.server


def _provider(server: str) -> str:
    for domain, name in _PROVIDERS.items():
        if server == domain or server.endswith(f".{domain}"):
            return name
    return server or "none"
