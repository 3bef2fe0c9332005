"""mitmproxy checks the types of a message's fields: the usual case first, and without exceptions.

Whenever a request or an answer is made (and in ``python -O`` never), each of its fields is held
against its type. For one that may be missing an exception is made and raised for each type that
it is not of, a dozen a request; each holds its own stack, so that only the collector of cycles
can free it. That is a tenth of what a short request costs.
"""

from __future__ import annotations

from collections.abc import Callable
from types import UnionType

from mitmproxy.utils import typecheck


def check_the_usual_first() -> Callable[[], None]:
    """Begins; the function it gives ends it. Does nothing where mitmproxy has no such check."""
    if not hasattr(typecheck, "check_option_type"):
        return lambda: None
    whole_check = typecheck.check_option_type

    def check_option_type(name: str, value: object, typeinfo: type | UnionType) -> None:
        if not _is_surely_of(typeinfo, value):
            whole_check(name, value, typeinfo)

    typecheck.check_option_type = check_option_type

    def uninstall() -> None:
        typecheck.check_option_type = whole_check

    return uninstall


def _is_surely_of(typeinfo: type | UnionType, value: object) -> bool:
    """Whether ``value`` is of the type, or of one in a union; False where that is not known."""
    try:
        return isinstance(value, typeinfo)
    except TypeError:
        return False  # what stands in brackets is beyond isinstance
