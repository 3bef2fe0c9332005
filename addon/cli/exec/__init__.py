"""``qwen-proxy exec``: a program with a proxy of its own, which ends with it.

- ``command``       the command line
- ``executing``     the whole of it, from the accounts to the exit status
- ``attached``      the proxy, as a process that ends with this one
- ``server``        what runs in that process
- ``outlet``        the way out, where there is a proxy already
- ``environment``   what the program finds in its environment
- ``certificates``  whom it is to trust
- ``clients``       what OpenCode and Codex need beside that
- ``foreground``    the program itself: terminal, signals, exit status
"""

from addon.cli.exec.command import execute as execute

__all__ = ["execute"]
