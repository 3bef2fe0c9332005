"""What Prometheus reads: by its own parsers, from what ended."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.openmetrics.parser import text_string_to_metric_families as open_metrics
from prometheus_client.parser import text_string_to_metric_families as plain
from prometheus_client.samples import Sample

from addon.broker.status import AccountStatus, ProxyStatus, Standing
from addon.proxy.pages.ended import EndedRequest, Ending
from addon.proxy.pages.metrics import metrics_page
from addon.proxy.pages.tally import OTHER, Tally
from tests.proxy.pages.endings import ended, endings, refused_by

OPEN_METRICS: Final = "application/openmetrics-text; version=1.0.0"


def account(label: str | None, id_: str = "id-1", **fields: object) -> AccountStatus:
    told = {"kind": "key", "base_url": None, "enabled": True, "priority": 0}
    return AccountStatus.model_validate(
        {"standing": Standing.READY, **told, **fields, "id": id_, "label": label}
    )


def status(*accounts: AccountStatus) -> ProxyStatus:
    return ProxyStatus(
        instance="one",
        pid=1,
        version="1.2.3",
        mitmproxy="12.0.0",
        started_at_ms=0,
        now_ms=0,
        accounts_file="/nowhere",
        strategy="hybrid",
        listeners=(),
        under_way=2,
        waiting=1,
        accounts=accounts,
    )


def samples(tally: Tally, told: ProxyStatus | None = None, accept: str = "") -> list[Sample]:
    page, _ = metrics_page(tally, told or status(), accept)
    parse = open_metrics if accept else plain
    return [sample for family in parse(page.decode()) for sample in family.samples]


def tallied(*requests: EndedRequest) -> Tally:
    tally = Tally()
    for each in requests:
        tally.note(each)
    return tally


def values(found: list[Sample], name: str, **labels: str) -> Iterator[float]:
    for sample in found:
        if sample.name == name and labels.items() <= sample.labels.items():
            yield sample.value


@pytest.mark.parametrize("accept", ["", OPEN_METRICS])
def test_a_request_is_told_of_in_the_words_of_opentelemetry(accept: str) -> None:
    found = samples(tallied(ended(server="dashscope-intl.aliyuncs.com")), accept=accept)
    target = {
        "gen_ai_operation_name": "chat",
        "gen_ai_provider_name": "dashscope",
        "gen_ai_request_model": "coder",
        "server_address": "dashscope-intl.aliyuncs.com",
    }
    duration = "gen_ai_client_operation_duration_seconds"
    assert [*values(found, f"{duration}_sum", **target, error_type="")] == [3.0]
    assert [*values(found, f"{duration}_count", **target)] == [1]
    assert [*values(found, f"{duration}_bucket", **target, le="2.56")] == [0]
    assert [*values(found, f"{duration}_bucket", **target, le="5.12")] == [1]
    tokens = "gen_ai_client_token_usage_sum"
    assert [*values(found, tokens, **target, gen_ai_token_type="input")] == [100]
    assert [*values(found, tokens, **target, gen_ai_token_type="output")] == [20]
    first = "gen_ai_client_operation_time_to_first_chunk_seconds_sum"
    assert [*values(found, first, **target)] == [0.5]
    assert [*values(found, "qwen_cached_input_tokens_total", **target)] == [40]


def test_the_model_is_the_one_that_the_service_knows() -> None:
    found = samples(tallied(ended(upstream_model="theirs")))
    assert {each.labels.get("gen_ai_request_model") for each in found} == {None, "theirs"}


def test_attempts_are_counted_for_each_account_by_what_became_of_them() -> None:
    moved = ended(attempts=2, refused=(refused_by("spent", "429 insufficient_quota"),))
    found = samples(tallied(moved, ended()))
    attempts = "qwen_attempts_total"
    assert [*values(found, attempts, account="spent", error_type="429 insufficient_quota")] == [1]
    assert [*values(found, attempts, account="work", error_type="")] == [2]


def test_what_failed_says_how() -> None:
    refused = ended(ending=Ending.REFUSED, kind="404 model_not_found", status=404)
    found = samples(tallied(refused, ended(ending=Ending.CUT), ended(ending=Ending.LEFT)))
    errors = {each.labels["error_type"] for each in found if "duration" in each.name}
    assert errors == {"404 model_not_found", "cut", "left"}


def test_models_that_a_client_makes_up_do_not_fill_the_memory() -> None:
    found = samples(tallied(*(ended(model=f"model-{number}") for number in range(1000))))
    counts = {
        each.labels["gen_ai_request_model"]: each.value
        for each in found
        if each.name == "gen_ai_client_operation_duration_seconds_count"
    }
    assert len(counts) == 101
    assert counts[OTHER] == 900


def test_accounts_are_told_of_by_names_that_mean_one_each() -> None:
    told = status(account("same", "one"), account("same", "two"), account("own", "three"))
    found = samples(Tally(), told)
    health = {each.labels["account"] for each in found if each.name == "qwen_account_health"}
    assert health == {"one", "two", "own"}


def test_an_account_has_one_standing() -> None:
    found = samples(Tally(), status(account("a", standing="cooling", until_ms=5000)))
    standing = {each.labels["standing"]: each.value for each in found if "standing" in each.labels}
    assert [name for name, value in standing.items() if value] == ["cooling"]
    assert len(standing) == len(Standing)
    assert [*values(found, "qwen_account_rest_end_timestamp_seconds", account="a")] == [5]


def test_it_says_what_is_under_way_and_who_it_is() -> None:
    found = samples(Tally(), status())
    assert [*values(found, "qwen_requests_in_flight")] == [2]
    assert [*values(found, "qwen_requests_waiting")] == [1]
    assert [*values(found, "qwen_proxy_info", version="1.2.3", strategy="hybrid")] == [1]
    assert next(values(found, "process_resident_memory_bytes")) > 0


@pytest.mark.parametrize("accept", ["", OPEN_METRICS])
def test_names_that_hold_anything_are_read_as_they_are(accept: str) -> None:
    odd = 'a "quoted" \\ label\nwith <b>lines</b> ☃'
    found = samples(tallied(ended(account=odd)), status(account(odd)), accept)
    assert [*values(found, "qwen_attempts_total", account=odd)] == [1]
    assert [*values(found, "qwen_account_health", account=odd)] == [0]


@given(st.lists(endings(), max_size=40))
def test_whatever_ends_is_counted_once(requests: list[EndedRequest]) -> None:
    found = samples(tallied(*requests), accept=OPEN_METRICS)
    duration = "gen_ai_client_operation_duration_seconds"
    assert sum(values(found, f"{duration}_count")) == len(requests)
    assert math.isclose(
        sum(values(found, f"{duration}_sum")), sum(each.seconds for each in requests)
    )
    tokens = sum(values(found, "gen_ai_client_token_usage_sum", gen_ai_token_type="output"))
    assert tokens == sum(each.output_tokens or 0 for each in requests)
    assert sum(values(found, f"{duration}_bucket", le="+Inf")) == len(requests)
