"""The JSON edge: bytes from outside become Python values here, in one way.

pydantic-core's parser is the fast one and is asked first. It refuses a lone
surrogate escape, which JavaScript programs do write; such a text is read again
with the standard library's parser, and the halves are kept for the caller.
"""

from __future__ import annotations

import json
from typing import Final, NoReturn, TypeAlias

from pydantic_core import from_json

JsonValue: TypeAlias = "bool | int | float | str | list[JsonValue] | dict[str, JsonValue] | None"

MAX_DEPTH: Final = 200
"""pydantic-core reads no deeper; the second parser must not either."""


def parse_json(data: bytes) -> JsonValue:
    """``data`` as a value; a lone half of a surrogate pair reads as U+FFFD.

    Raises ValueError where it is not JSON, nests too deep, or holds NaN.
    """
    try:
        value: JsonValue = from_json(data, allow_inf_nan=False, cache_strings="keys")
    except ValueError:
        if b"\\u" not in data:
            raise
        return _mended(parse_json_keeping_halves(data))
    return value


def parse_json_keeping_halves(data: bytes) -> JsonValue:
    """``data`` as a value, slowly, with lone halves of surrogate pairs as they are.

    For streams, where the other half may come in the next chunk. Raises ValueError.
    """
    try:
        value: JsonValue = json.loads(data, parse_constant=_refuse_constant)
    except RecursionError:
        raise ValueError("nested too deep") from None
    if _depth(value) > MAX_DEPTH:
        raise ValueError("nested too deep")
    return value


def mend_surrogates(text: str) -> str:
    """``text`` fit for UTF-8: halves that stand side by side are joined, a lone one is U+FFFD."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _mended(value: JsonValue) -> JsonValue:
    if isinstance(value, str):
        return mend_surrogates(value)
    if isinstance(value, list):
        return [_mended(child) for child in value]
    if isinstance(value, dict):
        return {mend_surrogates(key): _mended(child) for key, child in value.items()}
    return value


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _depth(value: JsonValue) -> int:
    depth, level = 0, [value]
    while level:
        depth += 1
        level = [
            child
            for node in level
            if isinstance(node, dict | list)
            for child in (node.values() if isinstance(node, dict) else node)
        ]
    return depth
