"""What a terminal showed, as an SVG that asks nobody for anything: no font, no script, no link."""

from __future__ import annotations

import io
import re
from typing import Final

from rich.console import Console
from rich.terminal_theme import TerminalTheme
from rich.text import Text

_THEME: Final = TerminalTheme(
    (24, 26, 31),
    (214, 218, 226),
    [
        (58, 63, 75),
        (232, 104, 113),
        (140, 194, 101),
        (229, 192, 107),
        (86, 156, 232),
        (198, 120, 221),
        (77, 182, 196),
        (214, 218, 226),
    ],
)

_PROMPT: Final = "\x1b[1;32m$\x1b[0m "

_FRAME: Final = """\
<svg viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
  <style>
    .{unique_id}-matrix {{
      font-family: ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace;
      font-size: {char_height}px;
      line-height: {line_height}px;
      white-space: pre;
    }}
    {styles}
  </style>
  <defs>
    <clipPath id="{unique_id}-clip-terminal">
      <rect x="0" y="0" width="{terminal_width}" height="{terminal_height}"/>
    </clipPath>
    {lines}
  </defs>
  {chrome}
  <g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
    {backgrounds}
    <g class="{unique_id}-matrix">
      {matrix}
    </g>
  </g>
</svg>
"""

_MOVES: Final = re.compile(r"\x1b\[[0-9;?]*[A-HJKSTfhlnsu]|\x1b[()][A-Z0-9]|\r")
"""All that is no colour: there is no cursor in a picture."""


def drawn(scenes: list[tuple[str, str]], *, columns: int, title: str) -> str:
    """Each command as it was typed, and what it printed, escape codes included."""
    typescript = "\n".join(
        f"{_PROMPT}{command}\n{printed.strip()}\n" for command, printed in scenes
    )
    console = Console(
        file=io.StringIO(), record=True, width=columns, force_terminal=True, highlight=False
    )
    console.print(Text.from_ansi(_MOVES.sub("", typescript)))
    return console.export_svg(title=title, theme=_THEME, code_format=_FRAME, unique_id="terminal")
