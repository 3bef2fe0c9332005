"""Calls of hooks pass over the addons that have none of that name.

mitmproxy prepares each of its forty addons for each hook (a context manager, a coroutine, a
generator) and only then looks whether the addon has it: about ten times a request, for three or
four addons that have. That is a third of what a short request costs it. Here it is looked
first; and an addon that has the hook, and holds no others, is called at once. Who is called, in
which order, and what becomes of an exception is all as mitmproxy has it.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import FunctionType
from typing import Any, Final, TypeAlias

from mitmproxy import exceptions, hooks
from mitmproxy.addonmanager import AddonManager, safecall

_AS_KNOWN: Final[Mapping[str, str]] = {
    "trigger_event": "chain safecall invoke_addon exceptions AddonHalt",
    "trigger": "chain safecall invoke_addon_sync exceptions AddonHalt",
    "invoke_addon": "_iter_hooks args inspect isawaitable",
    "_iter_hooks": (
        "isinstance hooks Hook traverse getattr name callable types ModuleType exceptions "
        "AddonManagerError"
    ),
}
"""What is done in another way here, and the names that it is known to use."""

_NOTHING: Final[tuple[object, ...]] = ()

_Function: TypeAlias = Callable[..., Any]


def is_as_known() -> bool:
    """Whether this mitmproxy calls hooks as it is known to: nothing may be lost of a new way."""
    return all(
        isinstance(function := getattr(AddonManager, name, None), FunctionType)
        and function.__code__.co_names == tuple(names.split())
        for name, names in _AS_KNOWN.items()
    )


def pass_over_the_uncalled(addons: AddonManager) -> Callable[[], None]:
    """Begins; the function it gives ends it. Does nothing where ``addons`` are not as known."""
    is_changed = "trigger_event" in vars(addons) or "trigger" in vars(addons)
    if is_changed or type(addons) is not AddonManager or not is_as_known():
        return lambda: None

    async def trigger_event(event: hooks.Hook) -> None:
        args = event.args()
        for addon, function in _with_hook(addons.chain, event.name):
            try:
                with safecall():
                    if function is None:
                        await addons.invoke_addon(addon, event)
                    else:
                        await invoke_addon(function, args)
            except exceptions.AddonHalt:
                return

    def trigger(event: hooks.Hook) -> None:
        for addon, _ in _with_hook(addons.chain, event.name):
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


async def invoke_addon(function: _Function, args: Iterable[object]) -> None:
    """Calls the hook of one addon. By its name mitmproxy knows where its own code ends."""
    result = function(*args)
    if result is not None and inspect.isawaitable(result):
        await result


def _with_hook(chain: Iterable[object], name: str) -> Iterator[tuple[object, _Function | None]]:
    """The addons in ``chain`` that have something by that name, or hold another that has.

    With the function to be called, where there is nothing more to it. Of what is no function,
    or cannot even be looked at, mitmproxy will say what is wrong with it.
    """
    for addon in chain:
        try:
            function: Any = getattr(addon, name, None)
            held: Iterable[object] = getattr(addon, "addons", _NOTHING)
            if held is not _NOTHING:
                if not function and not any(True for _ in _with_hook(held, name)):
                    continue
                function = None
            elif not function:
                continue
            elif not callable(function):
                function = None
        except Exception:  # noqa: BLE001 - an addon may be anything
            function = None
        yield addon, function
