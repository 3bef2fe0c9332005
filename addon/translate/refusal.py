"""What an upstream says when it does not answer: bodies of errors, of every known shape.

Seen: ``{"error": {...}}`` (OpenAI), ``{"error": "text"}``, ``{"code", "message"}``
(DashScope), ``{"detail": ...}`` (FastAPI), any of these as an event or in a list, HTML pages
of gateways, nothing at all.
All become an ``ApiError`` in OpenAI's shape with the upstream's own words.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any, Final

from addon.accounts.account import mask
from addon.errors import ApiError, Code, error_type
from addon.translate.json_edge import mend_surrogates, parse_json
from addon.translate.sse import SseDecoder

_LONGEST_QUOTE: Final = 500
"""Characters of an upstream's words that are repeated; a page of HTML says no more in more."""

_CUT: Final = "…"
_SHOWN_OF_SECRET: Final = 4
"""How many characters at its beginning ``mask`` shows at most."""

_LONGEST_READ: Final = 8192
"""Bytes of a page that are searched for words."""

_LONGEST_WAIT_SECONDS: Final = 31 * 86_400.0
"""No quota is longer than a month; a longer wait is a mistake."""

_TAGS: Final = re.compile(r"<(script|style)\b.*?</\1>|<[^>]*>", re.IGNORECASE | re.DOTALL)
_CONTEXT_TOO_LONG: Final = re.compile(
    r"range of input length should be|context.{0,20}(length|window).{0,40}exceed"
    r"|maximum context length|exceed.{0,40}context.{0,20}(length|window)",
    re.IGNORECASE,
)

_STATUS_BY_WORD: Final = (
    (("throttling", "rate_limit", "ratelimit", "too_many"), 429),
    (("quota",), 429),
    (("invalid_api_key", "invalidapikey", "authentication", "unauthorized", "invalid_token"), 401),
    (("permission", "access_denied", "accessdenied", "forbidden"), 403),
    (("not_found", "notfound"), 404),
    (("invalid", "bad_request", "badrequest", "context_length"), 400),
    (("timeout",), 504),
    (("overload", "unavailable"), 503),
    (("server_error", "internal"), 500),
)
"""Words in ``code`` or ``type`` of an error that came without an HTTP status of its own."""

_STATUS_BY_MESSAGE: Final = (
    (re.compile(r"quota\b.{0,40}\b(exceeded|exhausted|used up)|exceeded\b.{0,40}\bquota"), 429),
    (re.compile(r"rate.?limit|too many requests|throttl"), 429),
    (re.compile(r"invalid (access token|api.?key)|token (has )?expired"), 401),
)
"""Words in the message of one whose code says nothing. They count for more than its type, which
is the same for every refusal of some services."""


@dataclass(frozen=True, slots=True)
class UpstreamError:
    """An error in an upstream's own words."""

    message: str
    code: str | None = None
    type: str | None = None
    param: str | None = None

    def to_api_error(self, status: int, retry_after_seconds: float | None = None) -> ApiError:
        """The error as the client reads it, under the HTTP ``status``."""
        code, kind = self.code, self.type
        if _CONTEXT_TOO_LONG.search(self.message) and status < HTTPStatus.INTERNAL_SERVER_ERROR:
            code, kind = "context_length_exceeded", error_type(HTTPStatus.BAD_REQUEST)
        elif status == HTTPStatus.TOO_MANY_REQUESTS:
            code = code or "rate_limit_exceeded"
        return ApiError(
            status=status,
            message=self.message,
            code=code,
            type=kind,
            param=self.param,
            retry_after_seconds=retry_after_seconds,
        )

    def without(self, secret: str) -> UpstreamError:
        """The error with ``secret`` masked: services repeat a key that they do not like."""
        if not secret:
            return self
        return UpstreamError(
            message=_masked(self.message, secret),
            code=self.code and _masked(self.code, secret),
            type=self.type and _masked(self.type, secret),
            param=self.param and _masked(self.param, secret),
        )

    def implied_status(self) -> int:
        """The HTTP status that a service would have used for this error."""
        if self.code and re.fullmatch("[45][0-9]{2}", self.code, re.ASCII):
            return int(self.code)
        if self.code == Code.UPSTREAM_INVALID_RESPONSE:
            return HTTPStatus.BAD_GATEWAY
        return (
            _status_by_word(self.code)
            or _status_by_message(self.message)
            or _status_by_word(self.type)
            or HTTPStatus.BAD_GATEWAY
        )


def _status_by_word(word: str | None) -> int | None:
    words = (word or "").lower()
    for marks, status in _STATUS_BY_WORD:
        if any(mark in words for mark in marks):
            return status
    return None


def _status_by_message(message: str) -> int | None:
    words = message.lower()
    for pattern, status in _STATUS_BY_MESSAGE:
        if pattern.search(words):
            return status
    return None


def error_in(value: object) -> UpstreamError | None:
    """The error that a JSON value holds, if it is one rather than an answer."""
    if isinstance(value, list) and value:
        # Google's services send a list of one.
        value = value[0]
    if not isinstance(value, Mapping):
        return None
    error = value.get("error")
    if error:
        return _from_object(error) if isinstance(error, Mapping) else _from_words(error)
    if value.get("choices"):
        return None
    says_so = "choices" not in value or "code" in value or "type" in value
    if says_so and any(value.get(name) for name in _MESSAGES):
        return _from_object(value)
    detail = value.get("detail") or value.get("errors")
    return _from_words(detail) if detail else None


def invalid_answer(message: str) -> UpstreamError:
    """The error that an answer makes which is none; ``message`` is ours."""
    return UpstreamError(message, code=Code.UPSTREAM_INVALID_RESPONSE.value)


def read_error_body(body: bytes, status: int) -> UpstreamError:
    """The error in the body of an answer with an error ``status``; there always is one."""
    for data in (body, *SseDecoder().feed(body + b"\n\n")):
        try:
            error = error_in(parse_json(data))
        except ValueError:
            continue
        if error is not None:
            return error
    words = words_in(body)
    return UpstreamError(words or f"The upstream answered {_phrase(status)} without saying why.")


def words_in(body: bytes) -> str:
    """What stands for a reader in a text, or in a page of HTML; cut short where it is long."""
    text = mend_surrogates(body[:_LONGEST_READ].decode("utf-8", "replace"))
    words = " ".join(_TAGS.sub(" ", text).split())
    return shortened(words or " ".join(text.split()))


def retry_after_seconds(headers: Mapping[str, str], now: float) -> float | None:
    """What ``retry-after-ms`` or ``retry-after`` ask for, in seconds from ``now`` (Unix seconds).

    RFC 9110 §10.2.3: a number of seconds or an HTTP date. None where neither makes sense.
    """
    milliseconds = _number(headers.get("retry-after-ms"))
    value = headers.get("retry-after")
    seconds = _number(value)
    if milliseconds is not None:
        seconds = milliseconds / 1000
    elif seconds is None and value is not None:
        try:
            seconds = max(0.0, parsedate_to_datetime(value).timestamp() - now)
        except (ValueError, OverflowError):
            return None
    return None if seconds is None else min(seconds, _LONGEST_WAIT_SECONDS)


def _number(value: str | None) -> float | None:
    if value is None or not re.fullmatch(r"\s*\d{1,12}(\.\d{1,6})?\s*", value):
        return None
    return float(value)


_MESSAGES: Final = ("message", "msg", "error_msg", "error_message")


def _from_object(error: Mapping[str, Any]) -> UpstreamError:
    messages = (error.get(name) for name in (*_MESSAGES, "code"))
    message = next((message for message in messages if message), "no message")
    return UpstreamError(
        message=shortened(_text(message) or _json_text(message)),
        code=_text(error.get("code")),
        type=_text(error.get("type")),
        param=_text(error.get("param")),
    )


def _from_words(words: object) -> UpstreamError:
    return UpstreamError(shortened(_text(words) or _json_text(words)))


def _json_text(value: object) -> str:
    return mend_surrogates(json.dumps(value, ensure_ascii=False))


def _text(value: object) -> str | None:
    """A member that should be a string, and may be a number."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    return mend_surrogates(str(value)) or None


def shortened(words: str) -> str:
    """``words``, or their beginning where they are many."""
    return words if len(words) <= _LONGEST_QUOTE else words[: _LONGEST_QUOTE - 1] + _CUT


def _masked(words: str, secret: str) -> str:
    """``words`` without ``secret``, also where they were cut short in the midst of it."""
    words = words.replace(secret, mask(secret))
    for length in range(len(secret) - 1, _SHOWN_OF_SECRET, -1):
        if words.endswith(secret[:length] + _CUT):
            return words[: -length - 1] + _CUT
    return words


def _phrase(status: int) -> str:
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)
