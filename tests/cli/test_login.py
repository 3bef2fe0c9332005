"""``qwen-proxy login`` against a real OAuth server: who is signed in, and who is not.

Time passes only where the sign-in waits. What a person sees is ``test_login_terminal``'s.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from addon.cli.failure import CommandFailed
from addon.cli.login.sign_in import Wishes, sign_in
from addon.cli.surroundings import Surroundings
from tests.cli.invoked import Home
from tests.support.accounts import api_key_account, oauth_account
from tests.support.oauth_server import RESOURCE_URL, OAuthServer, Trouble
from tests.support.waiting import NOW, Waiting

KEY = "sk-0123456789abcdef"


class Attended(io.StringIO):
    """A terminal on which somebody has typed already."""

    def isatty(self) -> bool:
        return True


@dataclass
class Person:
    """Somebody who signs in, and what that person read and did at the page."""

    home: Home
    server: OAuthServer
    waiting: Waiting = field(default_factory=Waiting)
    stdout: io.StringIO = field(default_factory=io.StringIO)
    stderr: io.StringIO = field(default_factory=io.StringIO)
    typed: io.StringIO = field(default_factory=io.StringIO)

    @property
    def code(self) -> str:
        """The code that was shown last."""
        shown = self.stdout.getvalue() + self.stderr.getvalue()
        codes: list[str] = re.findall(r"^Code  (\S+)$", shown, re.MULTILINE)
        return codes[-1]

    def decides(self, account: str | None, *, after: int = 1) -> Person:
        """At the page, after so many questions of the program: for ``account``, None denies."""
        decide_at = len(self.waiting.pauses) + after

        def decide() -> None:
            if len(self.waiting.pauses) == decide_at:
                self.server.decide(self.code, account)

        self.waiting.meanwhile = decide
        return self

    def signs_in(self, label: str | None = None, *, as_json: bool = False) -> str:
        """``qwen-proxy login``; what was printed on stdout."""
        self.stdout.truncate(self.stdout.seek(0))
        around = Surroundings(
            env={"QWEN_OAUTH_BASE_URL": self.server.url},
            home=self.home.folder,
            cwd=self.home.folder.parent / "project",
            platform="linux",
            stdin=self.typed,
            stdout=self.stdout,
            stderr=self.stderr,
            clock=self.waiting.clock,
        )
        sign_in(around, Wishes(label=label, as_json=as_json), pause=self.waiting.pause)
        return self.stdout.getvalue()

    def kept(self) -> list[tuple[str, str | None]]:
        """The labels in the accounts file, and whose access tokens stand there."""
        return [
            (account["label"], self.server.book.account_of(account.get("accessToken", "")))
            for account in self.home.kept()
        ]


@pytest.fixture
def server() -> Iterator[OAuthServer]:
    with OAuthServer() as server:
        yield server


@pytest.fixture
def naming_server() -> Iterator[OAuthServer]:
    """One whose access tokens say whose they are."""
    with OAuthServer(names_accounts=True) as server:
        yield server


@pytest.fixture
def person(home: Home, server: OAuthServer) -> Person:
    return Person(home, server)


# One sign-in


def test_a_person_signs_in_and_the_account_is_kept(person: Person) -> None:
    told = person.decides("alice", after=3).signs_in("work")
    assert person.kept() == [("work", "alice")]
    assert person.waiting.pauses == [5, 5, 5]
    (account,) = person.home.kept()
    assert account["resourceUrl"] == RESOURCE_URL
    assert account["expires"] == (NOW + 15 + 3600) * 1000
    assert account["addedAt"] == (NOW + 15) * 1000
    assert told.splitlines()[-1] == (f"work is signed in, and kept in {person.home.accounts_file}.")


def test_it_says_first_that_the_free_tier_has_ended_and_what_to_use(person: Person) -> None:
    told = person.decides("alice").signs_in()
    notice, page, code = (
        told.index(text) for text in ("ended its free OAuth tier on 2026-04-15", "Open  ", "Code  ")
    )
    assert notice < told.index("qwen-proxy accounts add --preset coding-plan") < page < code
    assert f"Open  {person.server.url}/authorize\n" in told
    assert "the code is good for 15 min" in told


def test_no_secret_is_printed_and_the_file_is_private(person: Person) -> None:
    person.decides("alice").signs_in("work", as_json=True)
    printed = person.stdout.getvalue() + person.stderr.getvalue()
    assert not [secret for secret in person.server.book.secrets() if secret in printed]
    assert person.home.accounts_file.stat().st_mode & 0o777 == 0o600


def test_for_programs_stdout_is_one_json_document(person: Person) -> None:
    document = json.loads(person.decides("alice").signs_in("work", as_json=True))
    assert document["new"] is True
    assert document["path"] == str(person.home.accounts_file)
    assert document["account"]["label"] == "work"
    assert "Code  " in person.stderr.getvalue()


# What the server says meanwhile


@pytest.mark.parametrize(
    ("trouble", "pauses"),
    [
        (Trouble.SLOW_DOWN, [5, 10, 10]),
        (Trouble.SLOW_DOWN_429, [5, 10, 10]),
        (Trouble.BUSY, [5, 10, 10]),
        (Trouble.CUT, [5, 10, 5]),
        (Trouble.SERVER_ERROR, [5, 10, 5]),
    ],
    ids=lambda value: value.name if isinstance(value, Trouble) else "",
)
def test_a_server_that_is_slow_or_gone_for_a_moment_is_waited_for(
    person: Person, trouble: Trouble, pauses: list[float]
) -> None:
    person.server.troubles.append(trouble)
    person.decides("alice", after=3).signs_in("work")
    assert person.waiting.pauses == pauses
    assert person.kept() == [("work", "alice")]


def test_the_network_may_be_gone_for_a_while(person: Person) -> None:
    person.server.outage = Trouble.CUT
    decided = person.decides("alice", after=4).waiting.meanwhile
    assert decided is not None

    def meanwhile(decide: Callable[[], None] = decided) -> None:
        decide()
        if len(person.waiting.pauses) == 4:
            person.server.outage = None

    person.waiting.meanwhile = meanwhile
    person.signs_in("work")
    assert person.waiting.pauses == [5, 10, 20, 40]
    assert person.kept() == [("work", "alice")]


# How it ends without an account


def test_a_denied_sign_in_ends_in_one_sentence(person: Person) -> None:
    person.decides(None)
    with pytest.raises(CommandFailed, match="the sign-in was denied on the page"):
        person.signs_in("work")
    assert not person.home.accounts_file.exists()


def test_a_code_that_expired_ends_in_one_sentence(person: Person) -> None:
    person.server.troubles.append(Trouble.EXPIRED)
    with pytest.raises(CommandFailed, match="nobody confirmed in time, the code has expired"):
        person.signs_in("work")
    assert not person.home.accounts_file.exists()


def test_the_time_that_the_server_gave_is_not_overstepped(person: Person) -> None:
    person.server.outage = Trouble.BUSY
    with pytest.raises(CommandFailed, match="nobody confirmed in time"):
        person.signs_in("work")
    assert person.waiting.now == NOW + 900


def test_a_server_that_is_not_there_is_named(home: Home) -> None:
    with OAuthServer() as server:
        person = Person(home, server)
    with pytest.raises(CommandFailed, match=rf"{server.url} cannot be reached: is there a net"):
        person.signs_in("work")


def test_a_server_that_refuses_the_client_points_to_keys(home: Home) -> None:
    with (
        OAuthServer(clients=["another"]) as server,
        pytest.raises(CommandFailed, match=r"qwen-proxy accounts add"),
    ):
        Person(home, server).signs_in("work")


def test_no_person_is_troubled_where_nothing_could_be_kept(person: Person) -> None:
    person.home.keeps()
    person.home.accounts_file.write_text("{")
    with pytest.raises(CommandFailed, match="is not JSON"):
        person.signs_in("work")
    assert person.server.book.devices == {}


def test_a_folder_that_cannot_be_written_is_found_out_before(person: Person) -> None:
    (person.home.folder / ".config").mkdir(parents=True)
    (person.home.folder / ".config" / "opencode").write_text("in the way")
    with pytest.raises(CommandFailed, match="cannot be"):
        person.signs_in("work")
    assert person.server.book.devices == {}


# The same account again


def test_another_person_is_another_account(person: Person) -> None:
    person.decides("alice").signs_in()
    person.decides("bob").signs_in()
    assert person.kept() == [("qwen", "alice"), ("qwen-2", "bob")]


def test_a_label_that_is_there_is_signed_in_again(person: Person) -> None:
    person.decides("alice").signs_in("work")
    first = person.home.kept()[0]
    told = person.decides("alice").signs_in("work")
    assert "work is signed in again" in told
    (account,) = person.home.kept()
    assert account["id"] == first["id"]
    assert account["refreshToken"] != first["refreshToken"]
    assert person.server.book.is_live(account["refreshToken"])


def test_what_the_owner_set_outlasts_a_new_sign_in(person: Person) -> None:
    ended = oauth_account("access-old", id="o", label="work", priority=3, requiresReauth=True)
    person.home.keeps({**ended, "enabled": False, "models": ["a"], "note": "kept"})
    told = person.decides("alice").signs_in("work")
    (account,) = person.home.kept()
    assert account["requiresReauth"] is False
    assert [account[key] for key in ("id", "priority", "enabled", "models", "note")] == [
        "o",
        3,
        False,
        ["a"],
        "kept",
    ]
    assert "It is disabled: qwen-proxy accounts enable work" in told


def test_an_account_without_a_label_is_signed_in_again_by_its_id(person: Person) -> None:
    person.home.keeps(oauth_account("access-old", id="oauth-1"))
    person.decides("alice").signs_in("oauth-1")
    (account,) = person.home.kept()
    assert "label" not in account
    assert person.server.book.account_of(account["accessToken"]) == "alice"


def test_the_only_one_whose_sign_in_has_ended_is_meant_where_nobody_says(person: Person) -> None:
    person.home.keeps(
        oauth_account("access-1", refresh_token="r1", id="a", label="live"),
        oauth_account("access-2", refresh_token="r2", id="b", label="ended", requiresReauth=True),
    )
    assert "ended is signed in again" in person.decides("alice").signs_in()
    assert person.kept() == [("live", None), ("ended", "alice")]


def test_where_two_have_ended_and_nobody_says_which_none_is_written_over(person: Person) -> None:
    person.home.keeps(
        oauth_account("access-1", refresh_token="r1", id="a", label="one", requiresReauth=True),
        oauth_account("access-2", refresh_token="r2", id="b", label="two", requiresReauth=True),
    )
    person.decides("alice").signs_in()
    assert person.kept() == [("one", None), ("two", None), ("qwen", "alice")]


@pytest.mark.parametrize(
    ("answer", "kept"),
    [
        ("1\n", [("work", "alice"), ("home", None)]),
        ("home\n", [("work", None), ("home", "alice")]),
        ("\n", [("work", None), ("home", "alice")]),
        ("n\n", [("work", None), ("home", None), ("qwen", "alice")]),
    ],
)
def test_a_person_who_is_there_is_asked_who_it_is(
    person: Person, answer: str, kept: list[tuple[str, str | None]]
) -> None:
    person.home.keeps(
        api_key_account(KEY, "https://host.example/v1", id="k", label="key"),
        oauth_account("access-1", refresh_token="r1", id="a", label="work"),
        oauth_account("access-2", refresh_token="r2", id="b", label="home", requiresReauth=True),
    )
    person.typed, person.stderr = Attended(answer), Attended()
    person.decides("alice").signs_in()
    question = person.stderr.getvalue()
    assert "  1  work\n  2  home  (its sign-in has ended)\n  n  one that" in question
    assert "Number, or n [2]: " in question
    assert person.kept()[1:] == kept


def test_an_answer_that_is_nobody_begins_no_sign_in(person: Person) -> None:
    person.home.keeps(oauth_account("access-1", id="a", label="work"))
    person.typed, person.stderr = Attended("7\n"), Attended()
    with pytest.raises(CommandFailed, match="there is no account 7; there are 1 work"):
        person.signs_in()
    assert person.server.book.devices == {}


# Tokens that say whose they are


def test_one_who_signs_in_twice_is_there_once(home: Home, naming_server: OAuthServer) -> None:
    person = Person(home, naming_server, typed=Attended(), stderr=Attended())
    person.decides("alice").signs_in()
    person.decides("bob").signs_in()
    assert "qwen is signed in again" in person.decides("alice").signs_in()
    assert person.kept() == [("qwen", "alice"), ("qwen-2", "bob")]
    assert "Which account" not in person.stderr.getvalue()


def test_who_was_signed_in_at_the_page_goes_before_the_label(
    home: Home, naming_server: OAuthServer
) -> None:
    person = Person(home, naming_server)
    person.decides("alice").signs_in("work")
    person.decides("bob").signs_in("home")
    before = home.kept()
    person.decides("alice")
    with pytest.raises(CommandFailed, match="that was work, and home is as it was: sign out"):
        person.signs_in("home")
    person.decides("alice")
    with pytest.raises(CommandFailed, match="that was work, which is no new account"):
        person.signs_in("third")
    assert person.kept() == [("work", "alice"), ("home", "bob")]
    assert home.kept()[1] == before[1]
    assert home.kept()[0]["refreshToken"] != before[0]["refreshToken"]


def test_a_stranger_never_takes_the_place_of_an_account(
    home: Home, naming_server: OAuthServer
) -> None:
    person = Person(home, naming_server)
    person.decides("alice").signs_in("work")
    person.decides("bob")
    with pytest.raises(CommandFailed, match="that was work-2, and work is as it was"):
        person.signs_in("work")
    assert person.kept() == [("work", "alice"), ("work-2", "bob")]


# What cannot be meant


@pytest.mark.parametrize(
    ("label", "reason"),
    [
        ("key", "key has a key and is not signed in"),
        ("twice", "twice stands for 2 accounts: say which by its id, a, b"),
        ("17", "a label of digits alone"),
        ("", "a label must be printable"),
    ],
)
def test_a_label_that_cannot_be_meant_begins_no_sign_in(
    person: Person, label: str, reason: str
) -> None:
    person.home.keeps(
        api_key_account(KEY, "https://host.example/v1", id="k", label="key"),
        oauth_account("access-1", refresh_token="r1", id="a", label="twice"),
        oauth_account("access-2", refresh_token="r2", id="b", label="twice"),
    )
    with pytest.raises(CommandFailed, match=reason):
        person.signs_in(label)
    assert person.server.book.devices == {}


def test_a_project_that_sends_tokens_elsewhere_is_told_of(person: Person, tmp_path: Path) -> None:
    config = tmp_path / "project" / ".opencode" / "qwen.json"
    config.parent.mkdir()
    config.write_text('{"base_url": "https://elsewhere.example/v1"}')
    told = person.decides("alice").signs_in("work")
    assert "Do you trust this project?" in told
    assert told.index("trust this project") < told.index("Code  ")


def written_in_the_middle(home: Home) -> list[dict[str, Any]]:
    """What another process adds while the person is at the page."""
    home.keeps(api_key_account(KEY, "https://host.example/v1", id="k", label="key"))
    return home.kept()


def test_what_another_wrote_meanwhile_stays(person: Person) -> None:
    decide = person.decides("alice").waiting.meanwhile
    assert decide is not None

    def meanwhile(decide: Callable[[], None] = decide) -> None:
        decide()
        written_in_the_middle(person.home)

    person.waiting.meanwhile = meanwhile
    person.signs_in("work")
    assert [account["label"] for account in person.home.kept()] == ["key", "work"]
