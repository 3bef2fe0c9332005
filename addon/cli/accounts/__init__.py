"""``qwen-proxy accounts``: who the accounts are, put in, changed, checked, taken out.

- ``commands``   the command line
- ``completion`` what shells offer
- ``file``       the accounts file, as a command meets it
- ``listing``    accounts as people and programs read them
- ``adding``     keys, and accounts from other files
- ``checker``    does each credential work?
- ``check``      what people and programs see of that
"""

from addon.cli.accounts.commands import accounts as accounts

__all__ = ["accounts"]
