"""What a flow holds of the exchange it was, so that it can be shown later, and elsewhere.

It stands in the flow's metadata under ``INSPECT``, and is saved with the flow. A flow that is
read from a file may hold anything there, from another version or from nobody of ours.
"""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from typing import Any, Final, Literal, TypeAlias
from zlib import crc32

from pydantic import BaseModel, ConfigDict, ValidationError

INSPECT: Final = "qwen_inspect"
"""Where in a flow's metadata it stands."""

Absence: TypeAlias = Literal["off", "given up", "token"]
"""Why bodies were not kept: by the settings; for newer ones; they repeat the token in pieces."""


class Record(BaseModel):
    """The bodies that are not mitmproxy's own, and how the exchange ended."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)

    route: str
    """As in ``Route``."""
    is_translated: bool
    was_sent: bool
    """Whether an upstream was asked: from then on the flow's request is what it was asked."""
    is_streamed: bool = False
    """Whether the client's answer passed as it came."""
    absence: Absence | None = None
    request: bytes | None = None
    """What the client sent, where that is not the flow's own request; or its beginning."""
    request_size: int = 0
    """Bytes that there were."""
    came: bytes | None = None
    """The upstream's answer, where that is not what the client got; or its beginning."""
    came_size: int = 0
    went_size: int = 0
    """Of the client's answer, where ``is_streamed``."""
    request_sum: int | None = None
    """``checksum`` of the flow's own request, as it was when the exchange was over."""
    answer_sum: int | None = None
    """The same of its answer."""
    usage: dict[str, int] | None = None
    refused: str | None = None
    """What the client was refused with."""
    cut: str | None = None
    """Why the upstream's stream broke off, if it did."""
    client_left: bool = False


def checksum(content: bytes | None) -> int:
    """By which it is seen that somebody has edited a message since."""
    return crc32(content or b"")


def record_in(metadata: Mapping[str, Any]) -> Record | None:
    """The record in a flow's metadata; None where it is none of ours, or still under way."""
    try:
        return Record.model_validate(metadata.get(INSPECT))
    except ValidationError:
        return None


def put_record(metadata: MutableMapping[str, Any], record: Record) -> None:
    """Puts ``record`` into a flow's metadata, in values that mitmproxy can save."""
    metadata[INSPECT] = record.model_dump(exclude_none=True)
