"""The sandbox: a simulated Qwen that answers without an account and without a network.

People try the proxy on it (``python -m addon.sandbox``); tests use it as the
strictest upstream there is. It is an upstream, so it knows nothing of the proxy:
of this project it imports ``errors`` alone.

From the pure ground up: ``checks``, ``schema``, ``conversation`` and ``strict`` say which
requests are valid; ``request``, ``tokens``, ``directives``, ``instance`` and ``model`` decide
the answer; ``chat`` renders it; ``limits`` and ``oauth`` keep the accounts; ``web`` and
``server`` put all of it on 127.0.0.1.
"""
