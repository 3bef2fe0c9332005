"""``scripts/bench``: what the proxy costs, beside what is there without it.

Theory of operation. Machines differ and are noisy, so every figure is one of several that
were taken side by side, and every promise is a ratio within one run:

    load client (core 1) → contender (core 0) → upstream (core 1)

The *contenders* do the same work in turn, round after round, so that drift hits all of
them: the upstream asked directly, a bare mitmdump that streams through, the same with a
Python function on the stream that returns its input, mitmdump with our addon, and LiteLLM
where that is asked for. The *upstream* and the *load client* are processes of their own on
raw sockets, with everything rendered beforehand, so that they cost a fraction of what they
measure. Before anything is measured, each contender's answer is read and compared with
what the upstream says (``checking``); while it is measured, each answer's events are
counted. What fails is an error, never a figure.

    answers, requests     what is said, and asked
    upstream, load        who says it, and who asks; reading counts the events on the way
    contenders            who stands between, and how it is started; processes
    scenarios, rounds     what is measured, and in which order; meters reads CPU and memory
    micro                 the translator and the choice of an account, without any proxy
    figures, targets      medians, spreads, ratios; what was promised
    report, plot          bench.md, bench.json, bench.svg
    profiling             where the time goes: flame graphs and their sums

It reads Linux's ``/proc``. Nothing in here asserts a time: the tests beside these modules
are about what they count and compare.
"""
