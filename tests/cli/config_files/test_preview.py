"""A diff for people: what is shown, and what is not."""

from __future__ import annotations

import io

import pytest

from addon.cli.config_files.preview import diff, print_diff


def test_a_missing_line_end_is_shown() -> None:
    assert diff("f", "a", "a\n") == (
        "--- f\n+++ f\n@@ -1 +1 @@\n-a\n\\ No newline at end of file\n+a\n"
    )


def test_a_file_that_comes_or_goes_is_shown_as_such() -> None:
    assert diff("f", None, "a\n") == "--- /dev/null\n+++ f\n@@ -0,0 +1 @@\n+a\n"
    assert diff("f", "a\n", None) == "--- f\n+++ /dev/null\n@@ -1 +0,0 @@\n-a\n"


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ('"apiKey": "sk-0123456789abcdef"', '"apiKey": "sk-0...cdef"'),
        ('experimental_bearer_token = "0123456789abcdef"', '= "0123...cdef"'),
        ("password = 'correct horse battery'", "= 'corr...tery'"),
        ('"Authorization": "Bearer 0123456789"', ': "Bear...6789"'),
        ('"apiKey": "{env:OPENAI_API_KEY}"', '"apiKey": "{env:OPENAI_API_KEY}"'),
        ('env_key = "OPENAI_API_KEY"', 'env_key = "OPENAI_API_KEY"'),
        ('"apiKey": "any"', '"apiKey": "any"'),
        ('"setCacheKey": true', '"setCacheKey": true'),
        ("\x1b[2J\r", "\\x1b[2J"),
        ("tab\there", "tab\there"),
    ],
)
def test_secrets_are_masked_and_nothing_steers_the_terminal(line: str, shown: str) -> None:
    told = diff("f", "", f"{line}\n").splitlines()[-1]
    assert told.endswith(shown)
    assert "0123456789abcdef" not in told


def test_what_the_output_has_no_characters_for_is_shown_as_an_escape() -> None:
    out = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    print_diff(out, diff("f", "", "Ж\n"))
    out.seek(0)
    assert out.read().endswith("+\\u0416\n")
