"""Statements put into any TOML text, and taken out of it: all else stays, byte for byte."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest
from hypothesis import assume, given

from addon.cli.config_files.toml import (
    Statement,
    TomlFault,
    parse,
    statements,
    with_assignments,
    with_table,
    with_value,
    without,
)
from tests.cli.config_files.documents import toml_documents

TABLE: dict[str, str | int] = {"name": 'A \\ "name"', "url": "http://h/#x"}
TOP: dict[str, str | int] = {"new": "x", "number": 7}


def is_sound(text: str) -> bool:
    try:
        tomllib.loads(text)
    except ValueError:
        return False
    return True


def is_of_table(statement: Statement) -> bool:
    return statement.path[:2] == ("model_providers", "new")


def is_of_top(statement: Statement) -> bool:
    return not statement.is_header and statement.path[0] in TOP


@given(toml_documents())
def test_every_statement_is_found_with_its_value(text: str) -> None:
    assume(is_sound(text))
    values = tomllib.loads(text)
    for statement in statements(text):
        found: Any = values
        for key in statement.path:
            found = found[key]
        if not statement.is_header:
            written = text[statement.value_start : statement.value_end]
            assert tomllib.loads(f"x = {written}") == {"x": found}


@given(toml_documents())
def test_what_is_put_into_any_text_is_there_and_comes_out_without_a_trace(text: str) -> None:
    assume(is_sound(text))
    both = with_table(with_assignments(text, TOP), "model_providers.new", TABLE)
    values, before = tomllib.loads(both), tomllib.loads(text)
    assert values["model_providers"].pop("new") == TABLE
    if not values["model_providers"] and "model_providers" not in before:
        del values["model_providers"]
    assert values == {**before, **TOP}
    assert without(both, lambda each: is_of_table(each) or is_of_top(each)) == text
    alone = with_table(text, "model_providers.new", TABLE)
    assert without(alone, is_of_table) == text


@given(toml_documents())
def test_the_line_ends_are_those_of_the_text(text: str) -> None:
    assume(is_sound(text))
    new = with_table(with_assignments(text, TOP), "model_providers.new", TABLE)
    if "\r\n" in text:
        assert "\n" not in new.replace("\r\n", "")


def test_a_comment_behind_a_table_stays_when_the_table_goes() -> None:
    text = with_table("a = 1\n", "model_providers.new", TABLE) + "\n# of b\n[b]\n"
    assert without(text, is_of_table) == "a = 1\n\n# of b\n[b]\n"


def test_tables_below_go_too_and_so_do_comments_inside() -> None:
    text = (
        "[model_providers.new]\n# inside\nname = 'x' # beside\n\n"
        "[model_providers.'new'.headers]\na = 1\n# behind\n\n[model_providers.newer]\nb = 1\n"
    )
    assert without(text, is_of_table) == "# behind\n\n[model_providers.newer]\nb = 1\n"


def test_a_provider_written_below_the_header_of_all_is_found() -> None:
    text = "[model_providers]\nnew = { name = 'x' }\nold.name = 'y'\nnew2.name = 'z'\n"
    assert without(text, is_of_table) == ("[model_providers]\nold.name = 'y'\nnew2.name = 'z'\n")


def test_statements_for_no_table_come_behind_the_heading_of_the_file() -> None:
    text = "#:schema https://host/schema.json\n\n# of t\n[t]\n"
    assert with_assignments(text, {"a": 1}) == (
        "#:schema https://host/schema.json\n\na = 1\n\n# of t\n[t]\n"
    )


def test_a_value_is_changed_and_nothing_beside_it() -> None:
    text = "[t]\nurl = 'x'   # why\n"
    (_, url) = statements(text)
    assert with_value(text, url, "http://h/") == '[t]\nurl = "http://h/"   # why\n'


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("a = 1\nb = \n", "2:5: is not TOML: "),
        ("a = 1\na = 2\n", "is not TOML: "),
        ("a = [", "is not TOML: "),
        ("a = " + "[" * 100_000, "is not TOML: it nests too deep"),
    ],
)
def test_what_is_not_toml_is_refused_with_its_place(text: str, fault: str) -> None:
    with pytest.raises(TomlFault) as raised:
        parse(text)
    assert fault in str(raised.value)
