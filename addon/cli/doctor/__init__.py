"""``qwen-proxy doctor``: what is wrong here, and the one command that mends it.

- ``command``    the command line
- ``finding``    what a look at something gives
- ``program``    Python, mitmproxy, settings
- ``accounts``   the accounts file
- ``machine``    ports, the certificate, proxies that run
- ``network``    services, and the clock
- ``clients``    OpenCode's and Codex's configs
"""

from addon.cli.doctor.command import doctor as doctor

__all__ = ["doctor"]
