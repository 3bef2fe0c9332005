"""Log probabilities of tokens, from Chat's ``logprobs`` to the Responses API's.

| Chat, in the choice                   | Responses, in the part and its events              |
|---------------------------------------|----------------------------------------------------|
| ``logprobs.content[]``                | ``logprobs[]``                                     |
| ``token``, ``logprob``                | the same                                           |
| ``bytes``, null where a token is text | the same; then the token's own in UTF-8            |
| ``top_logprobs[]`` of these three     | the same                                           |

What is no token with a finite number is passed over.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, TypeAlias

from addon.translate.json_edge import mend_surrogates

Logprobs: TypeAlias = list[dict[str, Any]]

_BEYOND_ALL: Final = 1e300
"""What is not below this is no number, or infinite."""


def logprobs_in(choice: Mapping[str, Any]) -> Logprobs:
    """The log probabilities of the text that ``choice`` brings; none where it has none."""
    logprobs = choice.get("logprobs")
    entries = logprobs.get("content") if isinstance(logprobs, Mapping) else None
    return [
        {**token, "top_logprobs": _tokens(entry.get("top_logprobs"))}
        for entry in _mappings(entries)
        for token in _token(entry)
    ]


def _tokens(entries: object) -> Logprobs:
    return [token for entry in _mappings(entries) for token in _token(entry)]


def _token(entry: Mapping[str, Any]) -> Logprobs:
    """The token in ``entry``, if it is one."""
    token, logprob = entry.get("token"), entry.get("logprob")
    if not isinstance(token, str) or not isinstance(logprob, int | float):
        return []
    if not -_BEYOND_ALL < logprob < _BEYOND_ALL:
        return []
    token = mend_surrogates(token)
    return [{"token": token, "logprob": logprob, "bytes": _bytes(entry.get("bytes"), token)}]


def _bytes(value: object, token: str) -> list[int]:
    if isinstance(value, list) and all(type(byte) is int and 0 <= byte < 256 for byte in value):
        return value
    return list(token.encode())


def _mappings(entries: object) -> list[Mapping[str, Any]]:
    if not isinstance(entries, list):
        return []
    return [entry for entry in entries if isinstance(entry, Mapping)]
