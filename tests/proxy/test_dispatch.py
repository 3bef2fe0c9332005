"""Hooks are called as mitmproxy calls them: the same addons, in the same order, with the same ends.

The oracle is mitmproxy's own way, on the same addons.
"""

from __future__ import annotations

import asyncio
import traceback
import types
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mitmproxy import exceptions, hooks
from mitmproxy.addonmanager import AddonManager
from mitmproxy.test import tflow

from addon.proxy.failover import dispatch
from addon.proxy.failover.dispatch import is_as_known, pass_over_the_uncalled
from tests.support.mitm_context import mitm_context

Calls = list[str]


@dataclass
class _Shape:
    """One addon to be."""

    hook: str
    """What its hook does, or what stands in its place."""
    is_async: bool = False
    held: list[_Shape] = field(default_factory=list)


_KINDS = ("none", "returns", "raises", "halts", "module", "number", "property that raises")
"""Of what has the name of a hook."""

_SHAPES = st.recursive(
    st.builds(_Shape, st.sampled_from(_KINDS), st.booleans()),
    lambda inner: st.builds(
        _Shape, st.sampled_from(_KINDS), st.booleans(), st.lists(inner, max_size=3)
    ),
    max_leaves=6,
)


class _Addon:
    """One that writes down how it is called."""

    def __init__(self, shape: _Shape, name: str, calls: Calls) -> None:
        self._shape = shape
        self._name = name
        self._calls = calls
        if shape.held:
            self.addons = [
                _addon(each, f"{name}.{number}", calls) for number, each in enumerate(shape.held)
            ]

    def __repr__(self) -> str:
        return self._name

    def _note(self) -> None:
        self._calls.append(self._name)
        if self._shape.hook == "raises":
            raise ValueError(self._name)
        if self._shape.hook == "halts":
            raise exceptions.AddonHalt


class _Called(_Addon):
    def update(self, _: object) -> None:
        self._note()


class _CalledLater(_Addon):
    async def update(self, _: object) -> None:
        await asyncio.sleep(0)
        self._note()


class _WithModule(_Addon):
    update = types


class _WithNumber(_Addon):
    update = 1


class _Fragile(_Addon):
    @property
    def update(self) -> object:
        self._calls.append(f"{self._name} looked at")
        raise ValueError(self._name)


_ODD: dict[str, type[_Addon]] = {
    "none": _Addon,
    "module": _WithModule,
    "number": _WithNumber,
    "property that raises": _Fragile,
}


def _addon(shape: _Shape, name: str, calls: Calls) -> _Addon:
    called = _CalledLater if shape.is_async else _Called
    return _ODD.get(shape.hook, called)(shape, name, calls)


def _way_through(
    shapes: list[_Shape], call: Callable[[AddonManager, hooks.Hook], None], *, is_ours: bool
) -> tuple[list[str], list[str]]:
    """Who was called, and what was logged."""
    calls: Calls = []
    said: list[str] = []
    with mitm_context() as context, pytest.MonkeyPatch.context() as patch:
        addons = AddonManager(context.master)
        addons.chain = [_addon(each, f"{number}", calls) for number, each in enumerate(shapes)]
        patch.setattr(
            "mitmproxy.addonmanager.logger.error", lambda text, **_: said.append(str(text))
        )
        end = pass_over_the_uncalled(addons) if is_ours else lambda: None
        call(addons, hooks.UpdateHook([tflow.tflow()]))
        end()
    # a property is looked at once more, and not oftener
    return list(_without_second_looks(calls)), said


def _without_second_looks(calls: Calls) -> Iterator[str]:
    before = ""
    for each in calls:
        if each != before or not each.endswith("looked at"):
            yield each
        before = each


def _in_a_loop(addons: AddonManager, hook: hooks.Hook) -> None:
    asyncio.run(addons.trigger_event(hook))


def _at_once(addons: AddonManager, hook: hooks.Hook) -> None:
    addons.trigger(hook)


@pytest.mark.parametrize("call", [_in_a_loop, _at_once])
@given(shapes=st.lists(_SHAPES, max_size=5))
def test_the_same_addons_are_called(
    call: Callable[[AddonManager, hooks.Hook], None], shapes: list[_Shape]
) -> None:
    assert _way_through(shapes, call, is_ours=True) == _way_through(shapes, call, is_ours=False)


def test_an_addon_that_gets_a_hook_later_is_called() -> None:
    calls: Calls = []
    with mitm_context() as context:
        addons = AddonManager(context.master)
        late = types.SimpleNamespace()
        addons.chain = [late]
        end = pass_over_the_uncalled(addons)
        addons.trigger(hooks.UpdateHook([]))
        late.update = lambda _: calls.append("late")
        addons.trigger(hooks.UpdateHook([]))
        end()
        addons.trigger(hooks.UpdateHook([]))
    assert calls == ["late", "late"]


def test_what_went_wrong_is_told_from_where_the_addon_begins() -> None:
    told: list[str] = []

    def note(_: str, exc_info: tuple[type, Exception, types.TracebackType]) -> None:
        told.extend(frame.name for frame in traceback.extract_tb(exc_info[2]))

    with mitm_context() as context, pytest.MonkeyPatch.context() as patch:
        addons = AddonManager(context.master)
        addons.chain = [_addon(_Shape("raises"), "it", [])]
        patch.setattr("mitmproxy.addonmanager.logger.error", note)
        end = pass_over_the_uncalled(addons)
        _in_a_loop(addons, hooks.UpdateHook([]))
        end()
    assert told == ["update", "_note"]


def test_it_leaves_nothing_behind() -> None:
    with mitm_context() as context:
        addons = AddonManager(context.master)
        before = dict(vars(addons))
        end = pass_over_the_uncalled(addons)
        assert addons.trigger.__module__ == dispatch.__name__
        end()
        assert vars(addons) == before


def test_a_manager_of_another_kind_is_let_be() -> None:
    class Other(AddonManager):
        def __init__(self, master: object) -> None:
            super().__init__(master)  # type: ignore[no-untyped-call]

    with mitm_context() as context:
        addons = Other(context.master)
        before = dict(vars(addons))
        pass_over_the_uncalled(addons)()
        assert vars(addons) == before


def test_what_another_addon_has_put_there_is_let_be() -> None:
    def trigger(event: hooks.Hook) -> None: ...

    with mitm_context() as context:
        addons = AddonManager(context.master)
        addons.trigger = trigger  # type: ignore[method-assign]
        pass_over_the_uncalled(addons)()
        assert addons.trigger is trigger


def test_a_mitmproxy_that_calls_them_otherwise_is_let_be(monkeypatch: pytest.MonkeyPatch) -> None:
    assert is_as_known()

    async def trigger_event(self: AddonManager, event: hooks.Hook) -> None:
        await self.handle_lifecycle(event)

    monkeypatch.setattr(AddonManager, "trigger_event", trigger_event)
    assert not is_as_known()
    with mitm_context() as context:
        addons = AddonManager(context.master)
        before = dict(vars(addons))
        pass_over_the_uncalled(addons)()
        assert vars(addons) == before
