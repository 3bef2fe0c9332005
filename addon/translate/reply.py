"""An answer that comes in one piece, from Chat Completions to Responses: the way back.

The way there is ``request``. A whole completion is a stream of one chunk, so the
stream translator does the work, and no rule is written twice.
"""

from __future__ import annotations

from collections.abc import Mapping

from addon.errors import Code, refusal
from addon.translate.json_edge import parse_json
from addon.translate.refusal import error_in
from addon.translate.stream import Ending, StreamTranslator


def translate_completion(body: bytes, translator: StreamTranslator, now: float) -> bytes:
    """The events of the chat completion in ``body``; its Response is in ``translator.ending``.

    Raises ApiError where ``body`` is an error in disguise, or no completion at all.
    """
    try:
        completion = parse_json(body)
    except ValueError:
        raise refusal(
            Code.UPSTREAM_INVALID_RESPONSE,
            f"The upstream's answer is not JSON but begins {_quote(body)}.",
        ) from None
    error = error_in(completion)
    if error is not None:
        raise error.to_api_error(error.implied_status())
    if not isinstance(completion, Mapping) or not completion.get("choices"):
        raise refusal(Code.UPSTREAM_INVALID_RESPONSE, "The upstream's answer holds no choices.")
    return translator.feed_completion(completion, now)


def whole_response(ending: Ending | None) -> bytes:
    """The Response object as the body of a plain answer.

    Raises ApiError (502) where the answer failed: a plain answer has no event to say so.
    """
    if ending is None:
        raise refusal(Code.UPSTREAM_INVALID_RESPONSE, "The upstream's answer has no end.")
    if ending.error is not None:
        status = ending.error.implied_status()
        raise ending.error.to_api_error(status)
    return ending.response.encode()


def _quote(body: bytes) -> str:
    return repr(body[:80].decode("utf-8", "replace")) if body else "with nothing"
