"""Many streams at once in all weathers, through one mitmdump that lives on.

``weather`` is what an upstream can do to a request, byte by byte; ``sky`` the server that does it;
``clients`` who suffers it, and what they make of it; ``rounds`` plays each fault many times with
one healthy account among three; ``storm`` plays them all at random while accounts come and go.
Each has a short form among the tests and a long one by ``scripts/storm``.
"""
