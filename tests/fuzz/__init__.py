"""``scripts/fuzz``: a million inputs for the translators, and what each of them must keep.

    targets     what is tried, on any bytes: it raises where a promise is broken
    seeds       the inputs that it begins with
    mutation    makes an input into one like it, by what it is and not by its bytes
    drawn       properties of the suite, with atheris to choose what hypothesis draws
    one         the fuzzer of one target, in a process of its own, led by what code it reaches
    __main__    several of them after each other or side by side; what became of them

The suite tries a few thousand of the same inputs (``test_targets``), without atheris. An input
that breaks something belongs into a test of its own, in the room of what it broke.
"""
