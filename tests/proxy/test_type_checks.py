"""Types are checked as mitmproxy checks them; the oracle is its own check."""

from __future__ import annotations

import typing
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mitmproxy import http
from mitmproxy.test import tutils
from mitmproxy.utils import typecheck

from addon.proxy.failover.type_checks import check_the_usual_first

WHOLE_CHECK = typecheck.check_option_type

VALUES = st.recursive(
    st.one_of(
        *(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=3)),
        *(st.binary(max_size=3), st.just(http.Headers())),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.lists(inner, max_size=3).map(tuple), st.sets(st.integers())
    ),
    max_leaves=4,
)
TYPES: tuple[Any, ...] = (
    *(bool, int, float, str, bytes, http.Headers, type(None), tuple, typing.Any),
    *(int | None, bytes | None, float | None, http.Headers | None, str | int | None),
    *(typing.Optional[str], typing.Union[int, bytes], typing.Optional[typing.Any]),  # noqa: UP007, UP045
    *(Sequence[str], tuple[int, str], Sequence[str] | None, tuple[int, int] | None),
    *(typing.Sequence[int], typing.TextIO, typing.BinaryIO, typing.IO),
)


@pytest.fixture(autouse=True)
def quick() -> Iterator[None]:
    end = check_the_usual_first()
    yield
    end()
    assert typecheck.check_option_type is WHOLE_CHECK


def verdict(check: Any, value: object, typeinfo: Any) -> str:
    try:
        check("a name", value, typeinfo)
    except Exception as error:  # noqa: BLE001 - whatever it says is its verdict
        return f"{type(error).__name__}: {error}"
    return ""


@given(value=VALUES, typeinfo=st.sampled_from(TYPES))
def test_the_verdict_is_the_same(value: object, typeinfo: Any) -> None:
    assert verdict(typecheck.check_option_type, value, typeinfo) == verdict(
        WHOLE_CHECK, value, typeinfo
    )


def test_a_message_is_still_checked() -> None:
    assert tutils.treq().trailers is None
    with pytest.raises(TypeError, match=r"Expected .* for port"):
        tutils.treq(port="80")


def test_a_mitmproxy_without_the_check_is_let_be(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.delattr(typecheck, "check_option_type")
        check_the_usual_first()()
        assert not hasattr(typecheck, "check_option_type")
