"""mitmweb's list of flows has a column for comments, where ours say what became of a request."""

from __future__ import annotations

from typing import Final

from mitmproxy import ctx

_OPTION: Final = "web_columns"
_COLUMN: Final = "comment"


def show_comments() -> None:
    """Adds the column, unless the user has chosen columns, or this is no mitmweb."""
    if _OPTION not in ctx.options:
        return
    columns = getattr(ctx.options, _OPTION)
    if columns == ctx.options.default(_OPTION) and _COLUMN not in columns:
        ctx.options.update(**{_OPTION: [*columns, _COLUMN]})
