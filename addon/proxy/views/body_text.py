"""Any body as a text for people: JSON on lines, events one by one, anything else as it is."""

from __future__ import annotations

from addon.proxy.views.bounds import ROOM, human_size
from addon.proxy.views.events_text import pretty_events
from addon.proxy.views.json_text import pretty_json
from addon.proxy.views.reading import Kind, kind_of, read_json


def body_text(body: bytes, *, is_cut: bool) -> str:
    """``body``, of which the end may be missing, in about ``ROOM`` characters."""
    match kind_of(body):
        case Kind.NOTHING:
            return "(empty)"
        case Kind.EVENTS:
            return pretty_events(body)
        case Kind.TEXT:
            return _as_it_is(body)
        case Kind.JSON:
            return _json(body, is_cut=is_cut)


def _json(body: bytes, *, is_cut: bool) -> str:
    try:
        if not is_cut:
            read_json(body)
    except ValueError as error:
        return f"# Not JSON: {error}.\n\n{_as_it_is(body)}"
    text, unshown = pretty_json(body, ROOM)
    return f"{text}\n… {human_size(unshown)} more" if unshown else text


def _as_it_is(body: bytes) -> str:
    text = body[:ROOM].decode("utf-8", "replace")
    unshown = len(body) - ROOM
    return f"{text}\n… {human_size(unshown)} more" if unshown > 0 else text
