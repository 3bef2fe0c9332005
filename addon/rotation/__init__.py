"""Which account next, and what became of the last: pure logic over passed-in time.

Nothing in here does I/O, reads a clock or draws a random number.

- ``policy``      how the user wants it, as frozen values
- ``moments``     never, days, midnights in Beijing
- ``decision``    what a request asks, and what the pool can answer
- ``outcome``     what can become of a leased request
- ``refusals``    from an upstream's refusal to the outcome that it is

What is known of one account:

- ``health``      how well it has been doing
- ``bucket``      how many requests it has left for now, by the user's guess
- ``limits``      what the upstream says it has left
- ``prediction``  what it is good for, learned from refusals
- ``backoff``     how long it rests when nobody knows how long
- ``breaker``     whether it is left alone since it keeps failing
- ``rejection``   whether it is left alone since its credential is refused
- ``ledger``      what it did, by day
- ``state``       all of these, and what each outcome does to them
- ``record``      what of it is kept on disk

Who is next:

- ``strategies``  where an account stands: the hybrid formula, or the order of the file
- ``affinity``    which account served a session last
- ``routes``      which accounts a request may go to at all
- ``lineup``      the accounts sorted by where they stand, so that choosing stays cheap
- ``seat``        one account at its place in the file
- ``pool``        joins them: decides who is next, keeps account of what became of it
"""
