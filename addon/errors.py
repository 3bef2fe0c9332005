"""The one table of refusals, and the bodies in which clients read them.

Every error that this program itself answers with is a row of ``_TABLE``; every
error that an upstream answered with is brought into the same shape, which is
the one that OpenAI's SDKs parse (https://platform.openai.com/docs/guides/error-codes).
Messages of our own name accounts by label or id; an upstream's words have any token
masked before they come here.

This module is pure and stands below everything else.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from pydantic_core import to_json


class Code(StrEnum):
    """What went wrong, as ``error.code`` says it."""

    INVALID_REQUEST = "invalid_request"
    UNSUPPORTED_PARAMETER = "unsupported_parameter"
    NO_ACCOUNTS = "no_accounts"
    REAUTHENTICATION_REQUIRED = "reauthentication_required"
    FORBIDDEN_CLIENT = "forbidden_client"
    NOT_FOUND = "not_found"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    NOT_DONE = "not_done"
    RATE_LIMIT_EXCEEDED = "rate_limit_exceeded"
    UPSTREAM_UNREACHABLE = "upstream_unreachable"
    UPSTREAM_TIMEOUT = "upstream_timeout"
    UPSTREAM_INVALID_RESPONSE = "upstream_invalid_response"
    INTERNAL_ERROR = "internal_error"


_STATUS: Final[dict[Code, int]] = {
    Code.INVALID_REQUEST: 400,
    Code.UNSUPPORTED_PARAMETER: 400,
    Code.NO_ACCOUNTS: 401,
    Code.REAUTHENTICATION_REQUIRED: 401,
    Code.FORBIDDEN_CLIENT: 403,
    Code.NOT_FOUND: 404,
    Code.METHOD_NOT_ALLOWED: 405,
    Code.NOT_DONE: 409,
    Code.RATE_LIMIT_EXCEEDED: 429,
    Code.UPSTREAM_UNREACHABLE: 502,
    Code.UPSTREAM_TIMEOUT: 504,
    Code.UPSTREAM_INVALID_RESPONSE: 502,
    Code.INTERNAL_ERROR: 500,
}

_TYPE_BY_STATUS: Final[dict[int, str]] = {
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    429: "rate_limit_error",
}


def error_type(status: int) -> str:
    """``error.type`` for an HTTP status, in OpenAI's words."""
    if status in _TYPE_BY_STATUS:
        return _TYPE_BY_STATUS[status]
    return "server_error" if status >= 500 else "invalid_request_error"


@dataclass(slots=True, eq=False)
class ApiError(Exception):
    """A refusal that the client is to read.

    ``status`` is the HTTP status, ``code``/``type``/``param`` fill the body.
    ``retry_after_seconds`` becomes ``retry-after`` (whole seconds, rounded up)
    and ``retry-after-ms``.
    """

    status: int
    message: str
    code: str | None = None
    type: str | None = None
    param: str | None = None
    retry_after_seconds: float | None = None

    def __str__(self) -> str:
        return self.message

    def body(self) -> bytes:
        """The JSON body: ``{"error": {"message", "type", "param", "code"}}``."""
        return to_json(
            {
                "error": {
                    "message": self.message,
                    "type": self.type or error_type(self.status),
                    "param": self.param,
                    "code": self.code,
                }
            }
        )

    def headers(self) -> dict[str, str]:
        """Headers that belong to the body, ``retry-after`` among them."""
        headers = {"content-type": "application/json"}
        if self.retry_after_seconds is not None:
            seconds = max(0.0, self.retry_after_seconds)
            headers["retry-after"] = str(math.ceil(seconds))
            headers["retry-after-ms"] = str(math.ceil(seconds * 1000))
        return headers


def refusal(
    code: Code,
    message: str,
    *,
    param: str | None = None,
    retry_after_seconds: float | None = None,
) -> ApiError:
    """One of this program's own refusals, with the status that the table gives it."""
    return ApiError(
        status=_STATUS[code],
        message=message,
        code=code.value,
        param=param,
        retry_after_seconds=retry_after_seconds,
    )


def invalid_request(message: str, param: str | None = None) -> ApiError:
    """400: the body is not JSON, or the field ``param`` is wrong."""
    return refusal(Code.INVALID_REQUEST, message, param=param)


def unsupported_parameter(message: str, param: str) -> ApiError:
    """400: the request asks for something that Chat Completions cannot carry."""
    return refusal(Code.UNSUPPORTED_PARAMETER, message, param=param)


def internal_error() -> ApiError:
    """500: a fault of this program's own."""
    return refusal(Code.INTERNAL_ERROR, "The proxy failed on this request; its log says more.")
