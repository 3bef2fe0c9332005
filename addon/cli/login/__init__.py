"""``qwen-proxy login``: a person signs in on a page, and the account is kept.

- ``command``   the command line
- ``sign_in``   who is meant, the sign-in itself, and what became of it
- ``screen``    what the person sees meanwhile
- ``browser``   whether there is one, and opening it
"""

from addon.cli.login.command import login as login

__all__ = ["login"]
