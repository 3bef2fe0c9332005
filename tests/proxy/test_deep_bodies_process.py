"""Requests that nest too deep, or hold numbers beyond all measure, through a real mitmdump.

Each is refused with 400 in a sentence; what can be carried is carried, and so is what is long.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.support.accounts import api_key_account
from tests.support.chat import completion
from tests.support.oracle import check_response
from tests.support.proxy import REVERSE, MitmProcess, Setup
from tests.support.recorder import Recorder
from tests.support.replies import json_reply
from tests.support.upstream import Upstream

KEY: Final = "sk-the-real-key-of-the-account-1234"
PROFILES: Final = ("model-studio", "openai-compatible")
MEBIBYTE: Final = 1024 * 1024


@pytest.fixture(scope="module")
def started(
    tmp_path_factory: pytest.TempPathFactory, confdir: Path
) -> Iterator[tuple[MitmProcess, Upstream]]:
    """An account for each kind of service, asked by its name; the upstream minds nothing."""
    with Upstream(validator=None) as upstream:
        accounts = [
            api_key_account(f"{KEY}-{name}", upstream.base_url, profile=name, models=[name])
            for name in PROFILES
        ]
        setup = Setup(accounts=accounts, modes=[REVERSE])
        with MitmProcess(tmp_path_factory.mktemp("deep"), setup, confdir=confdir) as proxy:
            yield proxy, upstream


@pytest.fixture
def upstream(started: tuple[MitmProcess, Upstream]) -> Upstream:
    upstream = started[1]
    upstream.reset()
    upstream.answers(lambda _: json_reply(completion("Hello")))
    return upstream


@pytest.fixture
def url(started: tuple[MitmProcess, Upstream]) -> str:
    return f"{started[0].base_url}/responses"


def nested(opening: str, closing: str, depth: int) -> str:
    return opening * depth + "1" + closing * depth


VALUES: Final[dict[str, str]] = {
    "an integer of 50,000 digits": "9" * 50_000,
    "lists": nested("[", "]", 40_000),
    "objects": nested('{"a":', "}", 10_000),
    "a little too deep": nested("[", "]", 202),
    "without an end": "[" * 50_000,
}
FRAMES: Final[dict[str, str]] = {
    "a field": '{"model":"m","input":"x","a":%s}',
    "beside half a character": '{"model":"m","input":"\\ud83d","a":%s}',
    "an item": '{"model":"m","input":[%s]}',
    "a schema": '{"model":"m","input":"x","tools":[{"type":"function","name":"t",'
    '"parameters":%s}]}',
}


@pytest.mark.parametrize("frame", FRAMES.values(), ids=FRAMES)
@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES)
def test_what_cannot_be_read_is_refused(
    value: str, frame: str, url: str, upstream: Upstream, recorder: Recorder
) -> None:
    with recorder.client() as client:
        answer = client.post(url, content=(frame % value).encode())
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert error["code"] == "invalid_request"
    assert "not valid JSON" in error["message"]
    assert not upstream.requests


DEEP: Final[dict[str, str]] = {
    "lists": nested("[", "]", 195),
    "objects": nested('{"a":', "}", 195),
    "schemas": nested('{"type":"object","properties":{"a":', "}}", 97),
    "alternatives": nested('{"anyOf":[', "]}", 97),
    "schemas that must change": nested('{"const":1,"items":', "}", 195),
    "schemas that refer": nested('{"$ref":"#","items":', "}", 195),
}
PLACES: Final[dict[str, str]] = {
    "a field": '{"model":"m","input":"x","a":%s}',
    "a schema": '{"model":"m","input":"x","tools":[{"type":"function","name":"t",'
    '"parameters":{"items":%s}}]}',
    "a call": '{"model":"m","input":[{"role":"user","content":"x"},'
    '{"type":"shell_call","call_id":"c","action":{"a":%s}}]}',
}


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
@pytest.mark.parametrize("value", DEEP.values(), ids=DEEP)
def test_what_nests_as_deep_as_may_be_is_carried(
    value: str, place: str, profile: str, url: str, upstream: Upstream, recorder: Recorder
) -> None:
    asked = (place % value).replace('"m"', f'"{profile}"', 1)
    with recorder.client() as client:
        answer = client.post(url, content=asked.encode())
    check_response(answer.json())
    assert len(upstream.requests) == 1


def test_by_default_64_mebibytes_are_carried(
    url: str, upstream: Upstream, recorder: Recorder
) -> None:
    frame = json.dumps({"model": "model-studio", "input": "@"}).encode()
    text = b"x" * (64 * MEBIBYTE - len(frame) + 1)
    with recorder.client() as client:
        check_response(client.post(url, content=frame.replace(b"@", text)).json())
        longer = client.post(url, content=frame.replace(b"@", text + b"x"))
    assert longer.status_code == 400
    assert str(64 * MEBIBYTE) in longer.json()["error"]["message"]
    assert len(upstream.requests) == 1
