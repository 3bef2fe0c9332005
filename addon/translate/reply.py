"""An answer that comes in one piece, from Chat Completions to Responses: the way back.

The way there is ``request``. A whole completion is a stream of one chunk, so the
stream translator does the work, and no rule is written twice.
"""

from __future__ import annotations

from addon.errors import Code, refusal
from addon.translate.stream import Ending, StreamTranslator


def translate_completion(body: bytes, translator: StreamTranslator, now: float) -> bytes:
    """The events of the answer in ``body``; its Response is in ``translator.ending``.

    It may be an event stream under a wrong label. Raises ApiError where it is an error in
    disguise, or no answer at all.
    """
    events = translator.feed(body, now) + translator.finish(now)
    ending = translator.ending
    if ending is not None and ending.error is not None and translator.is_empty:
        raise ending.error.to_api_error(ending.error.implied_status())
    return events


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
