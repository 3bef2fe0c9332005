"""Tables: in colours and to measure on a terminal, plain and to be searched elsewhere.

Cells are text and nothing else: what looks like markup or an escape code is neither.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, TextIO

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table as RichTable

_CONTROL: Final = re.compile(r"[^\S ]|[\x00-\x1f\x7f-\x9f]")


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of text under headings, as many cells each."""

    headings: Sequence[str]
    rows: Sequence[Sequence[str]]
    styled: str = ""
    """The heading of the column that is coloured."""
    styles: Mapping[str, str] = field(default_factory=dict)
    """The first word of a cell there → its style, as rich names them."""
    folded: Collection[str] = ()
    """The headings of columns that are broken into lines where a terminal is too narrow."""

    def print(self, out: TextIO) -> None:
        """Print it: on a terminal as wide as that, else a line for each row, never cut."""
        if not out.isatty():
            print("\n".join(self.lines()), file=out)
            return
        console_on(out).print(self.to_rich())

    def lines(self) -> list[str]:
        """Plain text, the cells of a column below each other."""
        table = [[shown(cell) for cell in row] for row in (self.headings, *self.rows)]
        widths = [max(map(width, column)) for column in zip(*table, strict=True)]
        return [
            "  ".join(padded(cell, cells) for cell, cells in zip(row, widths, strict=True)).rstrip()
            for row in table
        ]

    def to_rich(self) -> RichTable:
        """The same for a terminal."""
        from rich.table import Table as RichTable  # noqa: PLC0415
        from rich.text import Text  # noqa: PLC0415

        table = RichTable(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
        for heading in self.headings:
            table.add_column(heading, overflow="fold", no_wrap=heading not in self.folded)
        for row in self.rows:
            cells = (
                Text(shown(cell), style=self._style(cell) if heading == self.styled else "")
                for heading, cell in zip(self.headings, row, strict=True)
            )
            table.add_row(*cells)
        return table

    def _style(self, cell: str) -> str:
        first = re.match(r"\w*", cell)
        return self.styles.get(first.group() if first else "", "")


def console_on(out: TextIO) -> Console:
    """A terminal that takes text as it is; it honours NO_COLOR."""
    from rich.console import Console  # noqa: PLC0415

    return Console(file=out, markup=False, emoji=False, highlight=False)


def can_show(text: str, out: TextIO) -> bool:
    """Whether ``out`` has letters for all of ``text``."""
    try:
        text.encode(out.encoding or "ascii")
    except UnicodeEncodeError:
        return False
    return True


def shown(text: str) -> str:
    """``text`` in one line, without what could steer a terminal."""
    return " ".join(_CONTROL.sub(" ", text).split())


def width(text: str) -> int:
    """How many columns of a terminal ``text`` takes: of some scripts a letter takes two."""
    from rich.cells import cell_len  # noqa: PLC0415

    return cell_len(text)


def padded(text: str, columns: int) -> str:
    """``text`` with space after it, up to so many ``columns``."""
    return text + " " * (columns - width(text))


def cut(text: str, columns: int) -> str:
    """As much of ``text`` as so many ``columns`` hold, with dots where there is more."""
    if width(text) <= columns:
        return text
    from rich.cells import set_cell_size  # noqa: PLC0415

    dots = "..."[:columns]
    return set_cell_size(text, columns - len(dots)).rstrip() + dots
