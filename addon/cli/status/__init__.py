"""``qwen-proxy status``: how the accounts are doing, and the proxies that use them.

- ``command``    the command line
- ``gathering``  what the file says, and the proxies that run
- ``screen``     what people see of it
"""

from addon.cli.status.command import status as status

__all__ = ["status"]
