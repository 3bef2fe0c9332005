"""``qwen-proxy codex``: this proxy as a model provider of Codex, put in and taken out.

- ``commands``   the command line
- ``editing``    the text of config.toml, and of the profile, with ours in it and without
- ``set_up``     what is to be done, and what the person should know
"""

from addon.cli.codex.commands import codex as codex

__all__ = ["codex"]
