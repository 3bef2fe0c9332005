"""The sign-in that Qwen Code keeps: where it is, and what it holds."""

from __future__ import annotations

from pathlib import Path

import pytest

from addon.accounts.account import OAuthCredential
from addon.accounts.qwen_code import BadQwenCodeFile, qwen_code_path, read_qwen_code

HOME = Path("/home/somebody")
HELD = {
    "access_token": "access-0123456789",
    "refresh_token": "refresh-0123456789",
    "token_type": "Bearer",
    "resource_url": "portal.qwen.ai",
    "expiry_date": 1767225600000,
}


@pytest.mark.parametrize(
    ("named", "folder"),
    [
        (None, HOME / ".qwen"),
        ("", HOME / ".qwen"),
        ("/opt/qwen", Path("/opt/qwen")),
        ("~/elsewhere", HOME / "elsewhere"),
        ("~", HOME),
    ],
)
def test_the_file_is_where_qwen_code_puts_it(named: str | None, folder: Path) -> None:
    env = {} if named is None else {"QWEN_HOME": named}
    assert qwen_code_path(env, HOME) == folder / "oauth_creds.json"


def test_what_it_holds_is_a_sign_in() -> None:
    assert read_qwen_code(HELD) == OAuthCredential(
        "refresh-0123456789", "access-0123456789", 1767225600000, "portal.qwen.ai"
    )


def test_a_refresh_token_is_enough() -> None:
    held = {"refresh_token": "refresh", "access_token": None, "resource_url": ""}
    assert read_qwen_code(held) == OAuthCredential("refresh")


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"refresh_token": ""}, "holds no sign-in of Qwen Code: it has no refresh_token"),
        ({"refresh_token": "a secret"}, "refresh_token: must be ASCII in one piece"),
        ({"access_token": 7}, "access_token: must be a text"),
        ({"expiry_date": "secret"}, "expiry_date: must be an integer"),
        ({"resource_url": "http://secret.example"}, "resource_url: must be https"),
    ],
)
def test_what_is_wrong_is_told_without_what_it_holds(wrong: dict[str, object], told: str) -> None:
    with pytest.raises(BadQwenCodeFile) as caught:
        read_qwen_code(HELD | wrong)
    assert told in str(caught.value)
    assert "secret" not in str(caught.value)
