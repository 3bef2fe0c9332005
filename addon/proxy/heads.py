"""Heads that can be read in one way only, of requests and of answers.

What stands in a head goes on to somebody else, who may end a line, or a body, where we did not:
what follows would be taken for a request of its own (request smuggling, RFC 9112 §11.2) or for
another's answer (§11.1). mitmproxy looks for a part of this, and only as long as its option
``validate_inbound_headers`` is on; HTTP/2 in the oldest version that is supported lets line
ends pass.
"""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import Final

from mitmproxy import http
from mitmproxy.net.http.validate import validate_headers
from mitmproxy.options import Options

_METHOD: Final = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
"""A token (RFC 9110 §5.6.2)."""
_IN_LINE: Final = re.compile(rb"[^\x00-\x20\x7f]*")
"""What may stand in a request's first line between two spaces; some send UTF-8 as it is."""
_BREAKS_A_VALUE: Final = re.compile(rb"[\x00\r\n]")
"""What no value holds (RFC 9110 §5.5)."""
_FOLD: Final = b"\r\n "
"""A line that goes on in the next (RFC 9112 §5.2), as mitmproxy keeps it."""
_VERSIONS: Final = ("HTTP/1.0", "HTTP/1.1", "HTTP/2.0", "HTTP/3")

_MOST_FIELDS: Final = 256
"""In an answer: mitmproxy searches them for every piece of its body."""


def fault_in_request(request: http.Request) -> str | None:
    """Why ``request`` could be read in more than one way."""
    data = request.data
    if not _METHOD.fullmatch(data.method):
        return "the method is no word"
    if not all(map(_IN_LINE.fullmatch, (data.path, data.authority, data.scheme))):
        return "there is a space or a control character in the address"
    if request.http_version not in _VERSIONS:
        return f"{request.http_version} is no version of HTTP that is known here"
    return _fault_in_fields(request, is_framing_checked=True)


def fault_in_answer(response: http.Response, options: Options) -> str | None:
    """Why this can be no answer, or none that the next one would be safe from."""
    if response.status_code < HTTPStatus.OK:
        # Only 101 comes so far, which nobody has asked for: see PatientHttp1Client.
        return f"it begins with {response.status_code}"
    if _BREAKS_A_VALUE.search(response.data.reason):
        return "there is a line end in its first line"
    if len(response.headers.fields) > _MOST_FIELDS:
        return f"it has {len(response.headers.fields)} headers"
    return _fault_in_fields(response, is_framing_checked=options.validate_inbound_headers)


def unfold(message: http.Message) -> None:
    """Puts values that go on in a next line into one, as who hands them on must do."""
    message.headers.fields = tuple(
        (name, value.replace(_FOLD, b" ")) for name, value in message.headers.fields
    )


def _fault_in_fields(message: http.Message, *, is_framing_checked: bool) -> str | None:
    for name, value in message.headers.fields:
        if _BREAKS_A_VALUE.search(value):
            return f"there is a line end in the header {name[:40]!r}"
    if is_framing_checked:
        try:
            validate_headers(message)
        except ValueError as error:
            return str(error)
    return None
