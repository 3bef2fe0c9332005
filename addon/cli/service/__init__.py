"""``qwen-proxy service``: the proxy starts at login, and is started again should it fail.

- ``command``   the command line
- ``managing``  writing and removing it, and telling the system
- ``service``   what is to be run, whatever runs it
- ``systemd``   the unit of systemd's user manager
- ``launchd``   the agent of macOS
"""

from addon.cli.service.command import service as service

__all__ = ["service"]
