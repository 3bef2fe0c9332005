"""The way into the command line: ``qwen-proxy``, and ``python -m addon`` in a clone.

What it is made of takes a moment to be imported. A Ctrl-C before there is anything to stop ends
the process without a word, as any signal would.
"""

from __future__ import annotations

import signal


def main() -> None:
    """Run the command line with this process's arguments, and end the process."""
    usual = signal.getsignal(signal.SIGINT)
    if usual is signal.default_int_handler:  # else whoever started us ignores it
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from addon.cli.app import main as run_app  # noqa: PLC0415 - that is what takes a moment

    signal.signal(signal.SIGINT, usual)
    run_app()


if __name__ == "__main__":
    main()
