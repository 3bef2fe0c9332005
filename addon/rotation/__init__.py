"""Which account next, and what became of the last: pure logic over passed-in time.

Nothing in here does I/O, reads a clock or draws a random number.

- ``policy``      how the user wants it, as frozen values
- ``health``      how well an account has been doing
- ``bucket``      how many requests an account has left for now
- ``decision``    what a request asks, and what the pool can answer
- ``outcome``     what can become of a leased request
- ``state``       what is remembered of one account
- ``strategies``  where an account stands: the hybrid formula, or the order of the file
- ``affinity``    which account served a session last
- ``lineup``      the accounts sorted by where they stand, so that choosing stays cheap
- ``pool``        joins them: decides who is next, keeps account of what became of it
"""
