"""The accounts file as a running proxy sees it: each trouble has its own clear message."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Final

import httpx2
import pytest

from tests.conftest import StartMitm
from tests.support.accounts import api_key_account, oauth_account, write_accounts
from tests.support.chat import MODEL, Json, completion
from tests.support.oracle import check_response
from tests.support.proxy import REVERSE, MitmProcess, Setup
from tests.support.recorder import Recorder
from tests.support.replies import json_reply
from tests.support.upstream import Upstream

KEY: Final = "sk-the-real-key-of-the-account-1234"
ACCESS_TOKEN: Final = "access-token-of-a-test-account"


def ask(proxy: MitmProcess, recorder: Recorder) -> httpx2.Response:
    """A small request to the reverse listener."""
    with recorder.client() as client:
        return client.post(f"{proxy.base_url}/responses", json={"model": MODEL, "input": "Hi"})


def error_in(answer: httpx2.Response) -> Json:
    """The error that an answer holds, which has OpenAI's shape."""
    error = answer.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    return dict(error)


@pytest.fixture
def start_with(start_mitm: StartMitm, tmp_path: Path) -> Callable[[str | None], MitmProcess]:
    """Starts a proxy whose accounts file holds the given text; None: there is no file."""
    path = tmp_path / "accounts.json"

    def start(text: str | None) -> MitmProcess:
        if text is not None:
            path.write_text(text, "utf-8")
            path.chmod(0o600)
        return start_mitm(Setup(modes=[REVERSE], env={"QWEN_ACCOUNTS_FILE": str(path)}))

    return start


BROKEN: Final = {
    "cut off": '{"version": 1, "accounts": [',
    "no JSON": "apiKey = sk-x",
    "another version": '{"version": 99, "accounts": []}',
    "no object": "[]",
}


@pytest.mark.parametrize("text", BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_file_is_named_and_left_alone(
    start_with: Callable[[str | None], MitmProcess],
    recorder: Recorder,
    tmp_path: Path,
    text: str,
) -> None:
    proxy = start_with(text)
    answer = ask(proxy, recorder)
    proxy.stop()

    assert answer.status_code == 401
    assert "accounts.json" in error_in(answer)["message"]  # type: ignore[operator]
    assert "accounts.json" in proxy.log
    assert (tmp_path / "accounts.json").read_text("utf-8") == text


def test_a_missing_file(
    start_with: Callable[[str | None], MitmProcess], recorder: Recorder, tmp_path: Path
) -> None:
    answer = ask(start_with(None), recorder)

    assert answer.status_code == 401
    assert error_in(answer)["code"] == "no_accounts"
    assert str(tmp_path / "accounts.json") in str(error_in(answer)["message"])


def test_an_empty_list(start_with: Callable[[str | None], MitmProcess], recorder: Recorder) -> None:
    answer = ask(start_with('{"version": 1, "accounts": []}'), recorder)

    assert answer.status_code == 401
    assert error_in(answer)["code"] == "no_accounts"


def test_a_file_that_others_can_read_is_told(
    start_with: Callable[[str | None], MitmProcess], tmp_path: Path
) -> None:
    path = tmp_path / "accounts.json"
    proxy = start_with('{"version": 1, "accounts": []}')
    proxy.stop()
    quiet = proxy.log

    path.chmod(0o644)
    told = start_with(None)
    told.stop()

    lines = [line for line in told.log.splitlines() if "accounts.json" in line]
    assert any("0600" in line for line in lines), told.log
    assert "0600" not in quiet


def test_a_folder_in_which_others_can_write_is_told(
    start_mitm: StartMitm, upstream: Upstream, recorder: Recorder
) -> None:
    """Whoever can write there can put a file of his own in its place."""
    upstream.replies(json_reply(completion("Hi")))
    proxy = start_mitm(Setup(accounts=[], modes=[REVERSE]))
    proxy.accounts_file.parent.chmod(0o777)
    write_accounts(proxy.accounts_file, [api_key_account(KEY, upstream.base_url)])
    proxy.secrets.add(KEY)

    assert ask(proxy, recorder).status_code == 200

    proxy.wait_for_log("Other users can write in")


def test_a_symlink_leads_to_the_accounts_and_to_nothing_else(
    start_mitm: StartMitm, upstream: Upstream, recorder: Recorder, tmp_path: Path
) -> None:
    """What is written goes to where it leads; a trap beside it is not walked into."""
    upstream.answers(lambda _: json_reply(completion("Hi")))
    proxy = start_mitm(Setup(accounts=[], modes=[REVERSE]))
    real, precious = tmp_path / "real" / "accounts.json", tmp_path / "precious"
    write_accounts(real, [api_key_account(KEY, upstream.base_url)])
    precious.write_text("precious", "utf-8")
    path = proxy.accounts_file
    path.unlink()
    path.symlink_to(real)
    for suffix in (".tmp", ".new"):
        trap = real.with_name(f"{real.name}{suffix}")
        if not trap.exists():
            trap.symlink_to(precious)
    proxy.secrets.add(KEY)

    assert ask(proxy, recorder).status_code == 200
    proxy.stop()

    assert path.is_symlink()
    assert json.loads(real.read_text("utf-8"))["accounts"][0]["lastUsed"] > 0
    assert real.stat().st_mode & 0o777 == 0o600
    assert precious.read_text("utf-8") == "precious"


def test_a_symlink_that_leads_to_another_file_has_it_left_alone(
    start_mitm: StartMitm, recorder: Recorder, tmp_path: Path
) -> None:
    proxy = start_mitm(Setup(accounts=[], modes=[REVERSE]))
    precious = tmp_path / "precious"
    precious.write_text("root:x:0:0", "utf-8")
    precious.chmod(0o600)
    proxy.accounts_file.unlink()
    proxy.accounts_file.symlink_to(precious)

    answer = ask(proxy, recorder)

    assert (answer.status_code, error_in(answer)["code"]) == (401, "no_accounts")
    assert "root:x" not in answer.text
    proxy.stop()
    assert precious.read_text("utf-8") == "root:x:0:0"
    assert "root:x" not in proxy.log


def test_an_oauth_account_serves_with_its_access_token(
    start_mitm: StartMitm, upstream: Upstream, recorder: Recorder
) -> None:
    upstream.replies(json_reply(completion("Hi")))
    account = oauth_account(ACCESS_TOKEN, baseUrl=upstream.base_url)
    proxy = start_mitm(Setup(accounts=[account], modes=[REVERSE]))

    answer = ask(proxy, recorder)

    assert check_response(answer.json())["status"] == "completed"
    assert [request.token for request in upstream.requests] == [ACCESS_TOKEN]


def test_a_sign_in_that_has_ended_must_be_done_again(
    start_mitm: StartMitm, upstream: Upstream, recorder: Recorder
) -> None:
    account = oauth_account(ACCESS_TOKEN, requiresReauth=True, baseUrl=upstream.base_url)
    proxy = start_mitm(Setup(accounts=[account], modes=[REVERSE]))

    answer = ask(proxy, recorder)

    assert answer.status_code == 401
    assert error_in(answer)["code"] == "reauthentication_required"


def test_an_account_that_was_added_while_it_ran_serves(
    start_mitm: StartMitm, upstream: Upstream, recorder: Recorder
) -> None:
    upstream.replies(json_reply(completion("Hi")))
    proxy = start_mitm(Setup(accounts=[], modes=[REVERSE]))
    assert ask(proxy, recorder).status_code == 401

    write_accounts(proxy.accounts_file, [api_key_account(KEY, upstream.base_url)])
    proxy.secrets.add(KEY)

    assert ask(proxy, recorder).status_code == 200


def test_an_account_is_left_out_that_would_send_its_token_in_the_clear(
    start_mitm: StartMitm, recorder: Recorder
) -> None:
    account = api_key_account(KEY, "http://host.example/v1", label="in the clear")
    proxy = start_mitm(Setup(accounts=[account], modes=[REVERSE]))

    answer = ask(proxy, recorder)

    assert answer.status_code == 401
    assert "https" in proxy.log


def test_a_model_goes_upstream_under_the_name_that_the_account_gives_it(
    start_mitm: StartMitm, upstream: Upstream, recorder: Recorder
) -> None:
    upstream.replies(json_reply(completion("Hi")))
    account = api_key_account(KEY, upstream.base_url, modelMap={MODEL: "the-other-name"})
    proxy = start_mitm(Setup(accounts=[account], modes=[REVERSE]))

    answer = ask(proxy, recorder)

    assert upstream.requests[0].json()["model"] == "the-other-name"
    assert check_response(answer.json())["model"] == MODEL


def test_an_unknown_key_in_a_config_file_stops_the_start(tmp_path: Path) -> None:
    proxy = MitmProcess(tmp_path, Setup(accounts=[]))
    config = proxy.cwd / ".opencode" / "qwen.json"
    config.parent.mkdir()
    config.write_text('{"rotation_strategie": "hybrid", /* a comment */}', "utf-8")

    assert proxy.run_to_end() != 0

    assert f"{config}: rotation_strategie" in proxy.log
    proxy.check()


def test_fields_that_are_not_known_stay_in_the_file(
    start_mitm: StartMitm, upstream: Upstream, recorder: Recorder
) -> None:
    upstream.replies(json_reply(completion("Hi")))
    account = api_key_account(KEY, upstream.base_url, theirs={"kept": [1]})
    proxy = start_mitm(Setup(accounts=[account], modes=[REVERSE]))
    assert ask(proxy, recorder).status_code == 200
    proxy.stop()

    (kept,) = json.loads(proxy.accounts_file.read_text("utf-8"))["accounts"]
    assert kept["theirs"] == {"kept": [1]}
    assert kept["apiKey"] == KEY
    assert proxy.accounts_file.stat().st_mode & 0o777 == 0o600
