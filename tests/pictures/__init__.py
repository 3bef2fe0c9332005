"""The README's picture of a terminal, recorded from the real programs: ``scripts/picture``."""
