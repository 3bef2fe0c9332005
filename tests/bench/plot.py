"""The figures as a picture: bars for each contender, ours in colour, on light and on dark.

By hand, since it is a handful of rectangles, and since what the README shows must ask nobody
for anything: no font, no script, no link. The card has a ground of its own, so that it can be
read on a page of any colour.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final
from xml.sax.saxutils import escape

from tests.bench.contenders import DIRECT, IDENTITY, OURS, PEER, STREAM
from tests.bench.figures import Figure, Figures, Series

ROWS: Final = {
    STREAM.key: "mitmdump",
    IDENTITY.key: "+ a function",
    OURS.key: "+ this addon",
    PEER.key: "LiteLLM",
}
"""Who is shown, and under which short name."""

_COLUMNS: Final = 2
_MARGIN: Final = 24
_PANEL_WIDTH: Final = 400
_NAME_WIDTH: Final = 92
_BAR_WIDTH: Final = 216
_BAR_HEIGHT: Final = 14
_ROW_HEIGHT: Final = 22
_HEAD_HEIGHT: Final = 46
_GAP: Final = 26

_STYLE: Final = """\
  <style>
    .card { fill: #ffffff; stroke: #d0d7de }
    .title { fill: #1f2328; font-weight: 600; font-size: 13px }
    .note { fill: #656d76; font-size: 11px }
    .name, .value { fill: #1f2328; font-size: 12px }
    .bar { fill: #afb8c1 }
    .ours { fill: #2f6fdd }
    .spread { stroke: #1f2328; stroke-width: 1.2 }
    text { font-family: system-ui, -apple-system, "Segoe UI", Helvetica, Arial, sans-serif }
    @media (prefers-color-scheme: dark) {
      .card { fill: #15191f; stroke: #3d444d }
      .title, .name, .value { fill: #f0f6fc }
      .note { fill: #9198a1 }
      .bar { fill: #59636e }
      .ours { fill: #5b9bff }
      .spread { stroke: #f0f6fc }
    }
  </style>
"""


@dataclass(frozen=True, slots=True)
class Panel:
    """One figure of one scenario."""

    title: str
    note: str
    scenario: str
    figure: Figure
    over: str | None = None
    """What is shown is what comes on top of this contender's."""

    def bars(self, figures: Figures) -> list[tuple[str, Series]]:
        """Each contender that was measured, and its series."""
        found = ((key, self._series(figures, key)) for key in ROWS)
        return [(key, series) for key, series in found if series is not None]

    def _series(self, figures: Figures, contender: str) -> Series | None:
        if self.over is None:
            return figures.series(self.scenario, contender, self.figure)
        key = (self.scenario, contender, self.figure)
        return figures.difference(key, (self.scenario, self.over, self.figure))


PANELS: Final = (
    Panel("CPU per event, 40 streams at 50 a second", "less is better", "a", Figure.CPU_PER_EVENT),
    Panel("Events a second, 8 streams at full speed", "more is better", "b", Figure.EVENTS),
    Panel("CPU per short request", "less is better", "c", Figure.CPU_PER_REQUEST),
    Panel(
        "Added time to first event",
        "one request at a time, median, less is better",
        "c1",
        Figure.FIRST_P50,
        over=DIRECT.key,
    ),
    Panel("Memory when idle", "less is better", "start", Figure.IDLE),
    Panel("Start-up", "less is better", "start", Figure.START),
)


def drawn(figures: Figures) -> str:
    """The picture of what was measured, as SVG."""
    shown = [(panel, bars) for panel in PANELS if (bars := panel.bars(figures))]
    most = max((len(bars) for _, bars in shown), default=0)
    panel_height = _HEAD_HEIGHT + most * _ROW_HEIGHT
    lines = -(-len(shown) // _COLUMNS)
    width = 2 * _MARGIN + _COLUMNS * _PANEL_WIDTH + (_COLUMNS - 1) * _GAP
    height = 2 * _MARGIN + lines * panel_height + max(0, lines - 1) * _GAP
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img">\n',
        _STYLE,
        f'  <rect class="card" width="{width}" height="{height}" rx="8"/>\n',
    ]
    for place, (panel, bars) in enumerate(shown):
        line, column = divmod(place, _COLUMNS)
        x = _MARGIN + column * (_PANEL_WIDTH + _GAP)
        y = _MARGIN + line * (panel_height + _GAP)
        parts += [f'  <g transform="translate({x}, {y})">\n', *_panel(panel, bars), "  </g>\n"]
    return "".join((*parts, "</svg>\n"))


def _panel(panel: Panel, bars: list[tuple[str, Series]]) -> Iterator[str]:
    yield _text("title", 0, 12, panel.title)
    unit = f"{panel.figure.unit}, " if panel.figure.unit else ""
    yield _text("note", 0, 29, unit + panel.note)
    longest = max(series.most for _, series in bars)
    for row, (key, series) in enumerate(bars):
        y = _HEAD_HEIGHT + row * _ROW_HEIGHT
        yield from _bar(key, series, y, _BAR_WIDTH / longest if longest > 0 else 0.0, panel.figure)


def _bar(key: str, series: Series, y: int, scale: float, figure: Figure) -> Iterator[str]:
    middle = y + _BAR_HEIGHT / 2
    long, least, most = (
        max(0.0, value * scale) for value in (series.median, series.least, series.most)
    )
    kind = "ours" if key == OURS.key else "bar"
    yield _text("name", 0, middle + 4, ROWS[key])
    yield (
        f'    <rect class="{kind}" x="{_NAME_WIDTH}" y="{y}" width="{long:.1f}" '
        f'height="{_BAR_HEIGHT}" rx="2"/>\n'
    )
    yield (
        f'    <line class="spread" x1="{_NAME_WIDTH + least:.1f}" x2="{_NAME_WIDTH + most:.1f}" '
        f'y1="{middle}" y2="{middle}"/>\n'
    )
    said = f"{series.median:,.{figure.digits}f}".replace(",", " ")
    yield _text("value", _NAME_WIDTH + max(long, most) + 8, middle + 4, said)


def _text(kind: str, x: float, y: float, said: str) -> str:
    return f'    <text class="{kind}" x="{x:.1f}" y="{y:.1f}">{escape(said)}</text>\n'
