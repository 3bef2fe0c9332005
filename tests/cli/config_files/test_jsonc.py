"""JSON with comments: read as OpenCode reads it, and refused with line and column."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given

from addon.cli.config_files.jsonc import JsoncFault, parse
from tests.cli.config_files.documents import jsonc_documents


@given(jsonc_documents())
def test_any_document_means_what_it_says(document: tuple[str, dict[str, Any]]) -> None:
    text, value = document
    root = parse(text)
    assert root is not None
    assert root.value == value
    for member in root.members:
        node = parse(text[member.node.start : member.node.end])
        assert node is not None
        assert node.value == member.node.value


@pytest.mark.parametrize("text", ["", " \r\n\t", "// nothing", "/* nor */ // here"])
def test_nothing_but_space_and_comments_is_no_value(text: str) -> None:
    assert parse(text) is None


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("{", '1:2: is not JSON: a key in " was expected'),
        ('{\n  "a": 1\n  "b": 2\n}', "3:3: is not JSON: a comma or } was expected"),
        ('{"a" 1}', "1:6: is not JSON: a colon was expected, not 1"),
        ("{a: 1}", '1:2: is not JSON: a key in " was expected, not a'),
        ("{'a': 1}", "1:2: is not JSON: a key in \" was expected, not '"),
        ('{"a": }', "1:7: is not JSON: a value was expected, not }"),
        ('{"a": [1 2]}', "1:10: is not JSON: a comma or ] was expected, not 2"),
        ('{"a": [,]}', "1:8: is not JSON: a value was expected, not ,"),
        ('{"a": "b}', "1:7: is not JSON: this text does not end"),
        ('{"a": "b\nc"}', "1:7: is not JSON: this value cannot be read"),
        ('{"a": "\\x"}', "1:7: is not JSON: this value cannot be read"),
        ('{"a": 01}', "1:8: is not JSON: a comma or } was expected, not 1"),
        ('{"a": NaN}', "1:7: is not JSON: a value was expected, not N"),
        ("{} {}", "1:4: is not JSON: the end was expected, not {"),
        ("{} /* no end", "1:4: is not JSON: the end was expected, not /"),
        ("[" * 100_000, "is not JSON: it nests too deep"),
    ],
)
def test_what_is_not_json_is_refused_with_its_place(text: str, fault: str) -> None:
    with pytest.raises(JsoncFault) as raised:
        parse(text)
    assert fault in str(raised.value)


def test_of_a_key_that_comes_twice_the_last_one_counts() -> None:
    root = parse('{"a": 1, "a": 2}')
    assert root is not None
    member = root.member("a")
    assert member is not None
    assert member.node.value == 2
