"""A body in chunks (RFC 9112 §7.1), as an upstream that streams sends it.

Nearly always a read brings whole chunks, each of them an event. Those are taken out together,
where h11 takes out each by itself, in two steps, with a look at what it may be for each. Anything
else is h11's: a chunk that is cut, one with an extension, the end, and what is no chunk.
"""

from __future__ import annotations

import re
from typing import Final

from h11 import Data, EndOfMessage
from h11._readers import ChunkedReader
from h11._receivebuffer import ReceiveBuffer

_SIZE: Final = re.compile(rb"([0-9A-Fa-f]{1,8})\r\n")


class PatientChunkedReader(ChunkedReader):
    """h11's, which takes whole chunks at once, and passes over what its sender says afterwards.

    Trailers, that is: mitmproxy knows none on HTTP/1.1, and falls over them.
    """

    def __call__(self, buf: ReceiveBuffer) -> Data | EndOfMessage | None:
        """What there is next in ``buf``, out of which it is taken; None: not enough."""
        if self._is_between_chunks:
            data, end = _whole_chunks(buf._data)  # noqa: SLF001 - a copy costs what is saved
            if data:
                buf.maybe_extract_at_most(end)
                return Data(data=data)
        event = super().__call__(buf)
        return EndOfMessage() if isinstance(event, EndOfMessage) else event

    def only_chunks(self, received: bytes) -> bytes:
        """What is in ``received``, where that is whole chunks and nothing else; b"": it is not."""
        if not self._is_between_chunks:
            return b""
        data, end = _whole_chunks(received)
        return data if end == len(received) else b""

    @property
    def _is_between_chunks(self) -> bool:
        return not (self._bytes_in_chunk or self._bytes_to_discard or self._reading_trailer)


def _whole_chunks(received: bytes | bytearray) -> tuple[bytes, int]:
    """What is in the whole, plain chunks with which ``received`` begins, and where they end."""
    pieces: list[bytes | bytearray] = []
    end = 0
    while size := _SIZE.match(received, end):
        start = size.end()
        stop = start + int(size[1], 16)
        if stop == start or received[stop : stop + 2] != b"\r\n":
            break
        pieces.append(received[start:stop])
        end = stop + 2
    return b"".join(pieces), end
