"""``GET /v1/models``: the service's own list, else the names that the user gave."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx2
import openai
import pytest

from tests.support import changed_mitmproxy
from tests.support.accounts import api_key_account
from tests.support.proxy import ADDON, REVERSE, MitmProcess, Setup
from tests.support.recorder import Recorder
from tests.support.replies import json_reply, refusal
from tests.support.upstream import Upstream

KEY: Final = "sk-the-real-key-of-the-account-1234"
NAMED: Final = ["a-model-of-the-settings", "qwen3-coder-plus", "the-name-that-clients-send"]


@dataclass(frozen=True, slots=True)
class Rig:
    proxy: MitmProcess
    upstream: Upstream


SCRIPTS: Final = {"as usual": ADDON, "without resending": Path(changed_mitmproxy.__file__)}


@pytest.fixture(scope="module", params=SCRIPTS.values(), ids=list(SCRIPTS))
def started(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, confdir: Path
) -> Iterator[Rig]:
    with Upstream() as upstream:
        account = api_key_account(
            KEY,
            upstream.base_url,
            models=["qwen3-coder-plus"],
            modelMap={"the-name-that-clients-send": "another"},
        )
        script = request.param
        setup = Setup(
            accounts=[account],
            modes=[REVERSE],
            script=script,
            env={"PYTHONPATH": str(script.parents[2])},
            options={"qwen_models": "a-model-of-the-settings", "connection_strategy": "lazy"},
        )
        folder = tmp_path_factory.mktemp("models")
        with MitmProcess(folder, setup, confdir=confdir) as proxy:
            yield Rig(proxy, upstream)


@pytest.fixture
def rig(started: Rig) -> Rig:
    started.upstream.reset()
    return started


def models(rig: Rig, recorder: Recorder) -> httpx2.Response:
    with recorder.client() as client:
        return client.get(f"{rig.proxy.base_url}/models")


def test_the_services_own_list_is_handed_on_as_it_is(rig: Rig, recorder: Recorder) -> None:
    listed = {"object": "list", "data": [{"id": "m", "object": "model", "extra": 1}]}
    rig.upstream.replies(json_reply(listed))
    assert models(rig, recorder).json() == listed
    assert rig.upstream.requests[0].token == KEY


@pytest.mark.parametrize("status", [404, 405, 501])
def test_where_a_service_has_none_the_names_that_the_user_gave_are_listed(
    rig: Rig, recorder: Recorder, status: int
) -> None:
    rig.upstream.replies(refusal(status, None, "There is nothing here."))
    answer = models(rig, recorder)
    assert answer.status_code == 200
    assert answer.headers["x-qwen-account"]
    assert [model["id"] for model in answer.json()["data"]] == NAMED


def test_the_openai_sdk_reads_that_list(rig: Rig) -> None:
    rig.upstream.replies(refusal(404, None, "There is nothing here."))
    with openai.OpenAI(base_url=rig.proxy.base_url, api_key="any") as client:
        assert [model.id for model in client.models.list()] == NAMED


def test_another_refusal_is_handed_on(rig: Rig, recorder: Recorder) -> None:
    rig.upstream.replies(refusal(400, "bad", "No."))
    assert models(rig, recorder).status_code == 400
