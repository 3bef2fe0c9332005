"""A body in one piece: a chat completion, an error, or neither.

Services answer with a whole completion, or with an error or a page of some gateway on the
way, also where a stream was asked for, and under any content type.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from addon.translate.json_edge import parse_json
from addon.translate.refusal import UpstreamError, error_in, invalid_answer, words_in

_BOM: Final = b"\xef\xbb\xbf"


def read_body(body: bytes) -> Mapping[str, Any] | UpstreamError:
    """The completion in ``body``, or what is there instead of one."""
    body = body.removeprefix(_BOM)
    if not body.strip():
        return invalid_answer("The upstream's answer is empty.")
    try:
        value = parse_json(body)
    except ValueError:
        return invalid_answer(f"The upstream's answer is not JSON, but says: {words_in(body)}")
    error = error_in(value)
    if error is not None:
        return error
    if isinstance(value, Mapping) and _has_first_choice(value):
        return value
    return invalid_answer(f"The upstream's answer holds no choices, but says: {words_in(body)}")


def _has_first_choice(completion: Mapping[str, Any]) -> bool:
    choices = completion.get("choices")
    return isinstance(choices, list) and any(
        isinstance(choice, dict) and not choice.get("index") for choice in choices
    )
