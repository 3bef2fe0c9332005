"""The mitmproxy side: hooks, routing, the stream class, and what mitmproxy shows of a request.

The only room that knows mitmproxy. It stands on ``translate/`` and the broker.
"""
