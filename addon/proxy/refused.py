"""What is kept of an attempt that was refused, for people to read: in part, and without a token."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from addon.broker import Lease
from addon.proxy.attempts import RefusedAttempt
from addon.proxy.exchange import UpstreamRefusal
from addon.proxy.masking import without_token
from addon.translate import CodingError, decoder

_LONGEST_READ: Final = 16 * 1024
"""Bytes of a body, as it came: unpacked it may be a thousand times as long …"""
_LONGEST_UNPACKED: Final = 1024 * 1024
"""… but it is not told of where it is longer than this."""
_LONGEST_BODY: Final = 4 * 1024
_LONGEST_CODE: Final = 100
_LONGEST_REASON: Final = 500


def refused_attempt(refusal: UpstreamRefusal, lease: Lease, now: float) -> RefusedAttempt:
    """``refusal`` of the attempt on ``lease``, at ``now`` (Unix seconds)."""
    error, token = refusal.error, lease.token
    return RefusedAttempt(
        account=lease.account.name,
        host=urlsplit(lease.base_url).hostname or "",
        model=lease.upstream_model,
        started_at=lease.taken_at,
        seconds=max(0.0, now - lease.taken_at),
        status=refusal.status,
        code=error.code and _shown(error.code, token, _LONGEST_CODE),
        type=error.type and _shown(error.type, token, _LONGEST_CODE),
        reason=_shown(error.message, token, _LONGEST_REASON),
        body=_shown(_text(refusal), token, _LONGEST_BODY),
    )


def _text(refusal: UpstreamRefusal) -> str:
    """The body, or its beginning, as text; nothing where its coding is not what it says."""
    body = refusal.body[:_LONGEST_READ]
    try:
        decode = decoder(refusal.headers.get("content-encoding", ""), _LONGEST_UNPACKED)
        body = decode(body) if decode is not None else body
    except CodingError:
        return ""
    return body[:_LONGEST_READ].decode("utf-8", "replace")


def _shown(text: str, token: str, longest: int) -> str:
    text = without_token(text, token)  # first: a token that is cut in two is hard to find
    return text if len(text) <= longest else f"{text[: longest - 1]}…"
