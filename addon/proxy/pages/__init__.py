"""What the proxy shows of itself: a live page, and the same for programs.

On a reverse listener below ``/_qwen/``, and at ``http://qwen.internal/`` for those who use this
as their HTTP proxy.

- ``hooks``    what mitmproxy calls
- ``site``     what is there, and what is answered
- ``gate``     who may read it, and who may change anything
- ``news``     what a page that is open hears of, as it happens
- ``deeds``    what may be done from it
- ``ended``    a request that is over, as it is told of
- ``history``  the last hour of them, and the last ones
- ``tally``    all of them, for ``metrics``
- ``assets/``  the page itself: plain HTML, CSS and JavaScript modules, sent as they are

No credential comes into this room.
"""

from addon.proxy.pages.hooks import OwnPages
from addon.proxy.pages.site import is_own_page

__all__ = ["OwnPages", "is_own_page"]
