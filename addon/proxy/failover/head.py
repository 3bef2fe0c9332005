"""The head of an upstream's answer: whether it can be one at all."""

from __future__ import annotations

from http import HTTPStatus

from mitmproxy import http
from mitmproxy.net.http.validate import validate_headers
from mitmproxy.options import Options


def fault_in_head(response: http.Response, options: Options) -> str | None:
    """Why this can be no answer, or none that the next one would be safe from."""
    if response.status_code < HTTPStatus.OK:
        # Only 101 comes so far, which nobody has asked for: see PatientHttp1Client.
        return f"it begins with {response.status_code}"
    if options.validate_inbound_headers:
        try:
            validate_headers(response)
        except ValueError as error:
            return str(error)
    return None
