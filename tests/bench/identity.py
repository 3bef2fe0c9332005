"""A mitmproxy script that has every answer pass through a Python function which returns its input.

What mitmproxy itself costs with such a function is the measure of our addon's.
"""

from __future__ import annotations

from mitmproxy import http


def responseheaders(flow: http.HTTPFlow) -> None:
    """The function is in place before the body comes."""
    assert flow.response is not None
    flow.response.stream = _same


def _same(data: bytes) -> bytes:
    return data
