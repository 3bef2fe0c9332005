"""``python -m addon``: the command line, from a clone as from an installation."""

from __future__ import annotations

from addon.cli.app import main

if __name__ == "__main__":
    main()
