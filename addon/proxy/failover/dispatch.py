"""Calls of hooks pass over the addons that have none of that name.

mitmproxy prepares each of its forty addons for each hook (a context manager, a coroutine, a
generator) and only then looks whether the addon has it: about ten times a request, for three or
four addons that have. That is a third of what a short request costs it. Here it is looked
first; an addon that has the hook, or holds another that has, is called by mitmproxy's own code,
in its turn and with the same care.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from types import FunctionType
from typing import Final

from mitmproxy import exceptions, hooks
from mitmproxy.addonmanager import AddonManager, safecall

_AS_KNOWN: Final = (
    (AddonManager.trigger_event, "invoke_addon"),
    (AddonManager.trigger, "invoke_addon_sync"),
)
"""What is done otherwise here, and what each does for one addon of the chain."""

_NOTHING: Final[tuple[object, ...]] = ()


def is_as_known() -> bool:
    """Whether this mitmproxy calls hooks as it is known to: nothing may be lost of a new way."""
    return all(
        isinstance(function, FunctionType)
        and function.__code__.co_names == ("chain", "safecall", call, "exceptions", "AddonHalt")
        for function, call in _AS_KNOWN
    )


def pass_over_the_uncalled(addons: AddonManager) -> Callable[[], None]:
    """Begins; the function it gives ends it. Does nothing where ``addons`` are not as known."""
    if type(addons) is not AddonManager or not is_as_known():
        return lambda: None

    async def trigger_event(event: hooks.Hook) -> None:
        for addon in _with_hook(addons.chain, event.name):
            try:
                with safecall():
                    await addons.invoke_addon(addon, event)
            except exceptions.AddonHalt:
                return

    def trigger(event: hooks.Hook) -> None:
        for addon in _with_hook(addons.chain, event.name):
            try:
                with safecall():
                    addons.invoke_addon_sync(addon, event)
            except exceptions.AddonHalt:
                return

    addons.trigger_event = trigger_event  # type: ignore[method-assign]
    addons.trigger = trigger  # type: ignore[method-assign]

    def uninstall() -> None:
        # of the instance: what the class has comes to light again
        del addons.trigger_event
        del addons.trigger

    return uninstall


def _with_hook(chain: Iterable[object], name: str) -> Iterator[object]:
    """The addons in ``chain`` that have something by that name, or hold another that has.

    Also those of which that cannot be told: mitmproxy will say what is wrong with them.
    """
    for addon in chain:
        try:
            is_called = getattr(addon, name, None)
            if not is_called:
                held: Iterable[object] = getattr(addon, "addons", _NOTHING)
                is_called = held is not _NOTHING and any(True for _ in _with_hook(held, name))
        except Exception:  # noqa: BLE001 - an addon may be anything
            is_called = True
        if is_called:
            yield addon
