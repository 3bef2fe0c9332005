"""What a person sees of a sign-in: the notice, the page and the code, and the time that is left.

The page and the code are printed always and never broken into lines, to be copied. Nothing
here is secret: the device code and the tokens never come here.
"""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, TextIO

from rich.live import Live
from rich.spinner import Spinner
from rich.text import Text

from addon.accounts.presets import PRESETS
from addon.cli.table import can_show, console_on
from addon.oauth import DeviceAuthorization

_QUIET_ZONE: Final = 2
_BLOCKS: Final = "\u2580\u2584\u2588"
_DOTS: Final = "\u280b"

NOTICE: Final = "\n".join(
    (
        "Qwen ended its free OAuth tier on 2026-04-15: a sign-in is of use only to accounts that",
        "are still served. What serves everybody is a key:",
        *(
            f"  qwen-proxy accounts add {where:<33}{what}"
            for where, what in (
                *((f"--preset {each.name}", each.title) for each in PRESETS.values()),
                ("--base-url https://host/v1", "any other service"),
            )
        ),
    )
)
"""What is said before a sign-in begins."""


class Screen:
    """Where a sign-in is shown: a terminal, or anything that text can be written to."""

    def __init__(self, out: TextIO, clock: Callable[[], float]) -> None:
        """``clock`` gives Unix seconds."""
        self._out = out
        self._clock = clock
        self._console = console_on(out)
        self.is_terminal = out.isatty()

    def say(self, text: str = "") -> None:
        """Print ``text`` as it is."""
        print(text, file=self._out, flush=True)

    def show(self, begun: DeviceAuthorization) -> None:
        """Where to go, and the code that is to be seen there."""
        self.say(f"\nOpen  {begun.page}")
        if begun.page != begun.verification_uri:
            self.say(f"or    {begun.verification_uri}")
        self.say(f"Code  {begun.user_code}\n")

    def show_qr(self, url: str) -> bool:
        """``url`` as a QR code, where the terminal can show it; whether it could."""
        import segno  # noqa: PLC0415 - few sign-ins need it

        code = segno.make_qr(url, error="l")
        width, _ = code.symbol_size(border=_QUIET_ZONE)
        if self.is_terminal and width > self._console.width:
            return False
        drawn = io.StringIO()
        code.terminal(drawn, border=_QUIET_ZONE, compact=True)
        if not can_show(_BLOCKS, self._out):
            return False
        # in colours of its own: a scanner wants dark on light, whatever the terminal's are
        self._console.print(Text(drawn.getvalue(), style="bright_white on black"), soft_wrap=True)
        return True

    @contextmanager
    def waiting(self, expires_at: float) -> Iterator[None]:
        """Shows, for as long as it takes, how much time is left until ``expires_at``."""
        left = expires_at - self._clock()
        if not self.is_terminal or self._console.is_dumb_terminal:
            minutes = math.ceil(left / 60)
            self.say(f"Waiting for you to confirm there; the code is good for {minutes} min.")
            yield
            return
        spinner = Spinner("dots" if can_show(_DOTS, self._out) else "line")

        def shown() -> Spinner:
            spinner.update(text=f"Waiting for you to confirm there, {self._left(expires_at)} left")
            return spinner

        with Live(
            console=self._console, get_renderable=shown, refresh_per_second=4, transient=True
        ):
            yield

    def _left(self, expires_at: float) -> str:
        seconds = max(0, math.ceil(expires_at - self._clock()))
        return f"{seconds // 60}:{seconds % 60:02}"
