"""What mitmproxy shows of the bodies of our requests, and what is kept for that.

Keeping: ``kept`` takes the bodies along as they pass, within the room that ``shelf`` gives;
``keeping`` puts them into the flow when it is over, ``cleaning`` takes the token out, and
``record`` is what the flow then holds, also where it is read from a file.

Showing: ``content_views`` is what a person reads of a message, and ``contentview``,
``legacy_view`` and ``installing`` hand it to mitmproxy, which changed its interface for that
in version 12. A view is called inside the event loop, where the proxying waits for it: it
looks at a bounded part of a body of any size, and never raises.

Exchanges import from here, and must find nothing in this file.
"""
