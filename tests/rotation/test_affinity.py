"""Which account a session last met."""

from __future__ import annotations

from addon.rotation.affinity import Sessions


def test_a_session_is_remembered_for_the_window_and_not_longer() -> None:
    sessions = Sessions()
    sessions.remember("s", "a", now=100)

    assert sessions.account_of("s", 400, window_seconds=300) == "a"
    assert sessions.account_of("s", 401, window_seconds=300) is None


def test_the_account_that_served_last_counts() -> None:
    sessions = Sessions()
    sessions.remember("s", "a", now=100)
    sessions.remember("s", "b", now=101)

    assert sessions.account_of("s", 102, window_seconds=300) == "b"


def test_a_request_without_a_session_is_nobodys_friend() -> None:
    sessions = Sessions()
    sessions.remember(None, "a", now=100)

    assert sessions.account_of(None, 100, window_seconds=300) is None


def test_of_endless_sessions_the_oldest_are_given_up() -> None:
    sessions = Sessions()
    for number in range(20_000):
        sessions.remember(f"s{number}", "a", now=100)
        sessions.remember("kept", "b", now=100)

    assert sessions.account_of("s0", 100, 300) is None
    assert sessions.account_of("s19999", 100, 300) == "a"
    assert sessions.account_of("kept", 100, 300) == "b"
