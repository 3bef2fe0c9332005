"""OpenAI's own SDK shows each refusal as the exception that belongs to it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

import openai
import pytest
from openai.types.responses import ResponseInputParam

from tests.conftest import StartMitm
from tests.e2e.conftest import ACCOUNT_KEY, Stage, sdk
from tests.support.accounts import api_key_account
from tests.support.chat import MODEL
from tests.support.proxy import Setup, free_ports
from tests.support.recorder import Recorder
from tests.support.replies import Ending, broken, refusal, stream_reply
from tests.support.streams import FIRST_EVENT_ERROR
from tests.support.upstream import Upstream


@pytest.fixture
def fresh_client(
    start_mitm: StartMitm, upstream: Upstream, recorder: Recorder
) -> Iterator[openai.OpenAI]:
    """The SDK on a proxy of its own: what its account goes through is remembered there."""
    account = api_key_account(ACCOUNT_KEY, upstream.base_url)
    # Without a wait, a limit is the client's to see.
    setup = Setup(accounts=[account], options={"qwen_max_rate_limit_wait_seconds": "0"})
    with sdk(start_mitm(setup).base_url, recorder.client()) as client:
        yield client


def test_a_wrong_field_is_named(client: openai.OpenAI) -> None:
    wrong = cast("ResponseInputParam", [{"role": "user", "content": [{"type": "input_text"}]}])

    with pytest.raises(openai.BadRequestError) as refused:
        client.responses.create(model=MODEL, input=wrong)

    assert refused.value.code == "invalid_request"
    assert str(refused.value.param).startswith("input[0].content")


def test_a_feature_that_cannot_be_carried_is_refused(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        client.responses.create(model=MODEL, input="Hi", background=True)

    assert (refused.value.code, refused.value.param) == ("unsupported_parameter", "background")


def test_the_upstreams_own_refusal_of_a_request(client: openai.OpenAI, stage: Stage) -> None:
    stage.upstream.replies(refusal(400, "invalid_parameter_error", "top_p is too large"))

    with pytest.raises(openai.BadRequestError) as refused:
        client.responses.create(model=MODEL, input="Hi")

    assert refused.value.code == "invalid_parameter_error"
    assert "top_p is too large" in refused.value.message


def test_a_model_that_is_not_there(client: openai.OpenAI, stage: Stage) -> None:
    stage.upstream.replies(refusal(404, "model_not_found", "no such model"))

    with pytest.raises(openai.NotFoundError) as refused:
        client.responses.create(model="qwen0", input="Hi")

    assert refused.value.code == "model_not_found"


@pytest.mark.parametrize("streams", [False, True], ids=["plain", "streamed"])
def test_a_limit_says_when_to_come_back(
    fresh_client: openai.OpenAI,
    upstream: Upstream,
    streams: bool,
) -> None:
    upstream.replies(refusal(429, "rate_limit_exceeded", "too many", headers={"retry-after": "7"}))

    with pytest.raises(openai.RateLimitError) as refused:
        fresh_client.responses.create(model=MODEL, input="Hi", stream=streams)

    assert refused.value.code == "rate_limit_exceeded"
    assert refused.value.response.headers["retry-after"] == "7"


def test_a_refusal_in_disguise(fresh_client: openai.OpenAI, upstream: Upstream) -> None:
    upstream.replies(stream_reply([FIRST_EVENT_ERROR]))

    with pytest.raises(openai.RateLimitError) as refused:
        fresh_client.responses.create(model=MODEL, input="Hi", stream=True)

    assert refused.value.code == "rate_limit_exceeded"


@pytest.mark.parametrize("status", [500, 502, 503])
def test_an_upstream_that_fails(
    fresh_client: openai.OpenAI, upstream: Upstream, status: int
) -> None:
    upstream.replies(refusal(status, "internal_error", "the engine fell over"))

    with pytest.raises(openai.InternalServerError) as failed:
        fresh_client.responses.create(model=MODEL, input="Hi")

    assert failed.value.status_code == status
    assert failed.value.code == "internal_error"


@pytest.mark.parametrize("ending", [Ending.CUT, Ending.RESET], ids=lambda ending: ending.name)
def test_an_upstream_that_hangs_up(
    fresh_client: openai.OpenAI, upstream: Upstream, ending: Ending
) -> None:
    upstream.replies(broken(ending))

    with pytest.raises(openai.InternalServerError) as failed:
        fresh_client.responses.create(model=MODEL, input="Hi")

    assert (failed.value.status_code, failed.value.code) == (502, "upstream_unreachable")


def test_an_upstream_that_cannot_be_reached(start_mitm: StartMitm, recorder: Recorder) -> None:
    (closed,) = free_ports(1)
    account = api_key_account(ACCOUNT_KEY, f"http://127.0.0.1:{closed}/v1")
    proxy = start_mitm(Setup(accounts=[account]))

    with (
        sdk(proxy.base_url, recorder.client()) as client,
        pytest.raises(openai.InternalServerError) as failed,
    ):
        client.responses.create(model=MODEL, input="Hi")

    assert (failed.value.status_code, failed.value.code) == (502, "upstream_unreachable")


def test_no_account(start_mitm: StartMitm, recorder: Recorder) -> None:
    proxy = start_mitm(Setup(accounts=[]))

    with (
        sdk(proxy.base_url, recorder.client()) as client,
        pytest.raises(openai.AuthenticationError) as refused,
    ):
        client.responses.create(model=MODEL, input="Hi")

    assert refused.value.code == "no_accounts"
