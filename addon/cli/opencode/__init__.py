"""``qwen-proxy opencode``: this proxy as a provider of OpenCode, put in and taken out.

- ``commands``   the command line
- ``files``      which of OpenCode's config files is meant
- ``provider``   what is put in
- ``editing``    a config's text with it, and without
- ``set_up``     what is to be done, and what the person should know
"""

from addon.cli.opencode.commands import opencode as opencode

__all__ = ["opencode"]
