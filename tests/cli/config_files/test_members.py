"""A member put into any document, and taken out of it: all else stays, byte for byte."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from addon.cli.config_files.jsonc import Node, parse
from addon.cli.config_files.members import style_of, with_member, without_member
from tests.cli.config_files.documents import comments_in, jsonc_documents

NEW: dict[str, Any] = {"x": {"y": [1, 2]}, "z": "é"}
KEY = "new"


def objects_in(node: Node) -> list[Node]:
    """It and all objects in members of it."""
    below = [each for member in node.members for each in objects_in(member.node)]
    return [node, *below] if isinstance(node.value, dict) else []


def put_in(text: str, start: int) -> str:
    """``text`` with the new member in the object that begins at ``start``."""
    root, where = found(text, start)
    return with_member(text, where, KEY, NEW, style_of(text, root))


def taken_out(text: str, start: int) -> str:
    _, where = found(text, start)
    member = where.member(KEY)
    assert member is not None
    return without_member(text, where, member)


def found(text: str, start: int) -> tuple[Node, Node]:
    root = parse(text)
    assert root is not None
    (where,) = [each for each in objects_in(root) if each.start == start]
    return root, where


@given(jsonc_documents(), st.data())
def test_what_is_put_into_any_object_is_there_and_all_else_is_as_it_was(
    document: tuple[str, dict[str, Any]], data: st.DataObject
) -> None:
    text, _ = document
    root = parse(text)
    assert root is not None
    where = data.draw(st.sampled_from(objects_in(root)))
    new = put_in(text, where.start)
    assert found(new, where.start)[1].value == {**where.value, KEY: NEW}  # type: ignore[dict-item]
    assert comments_in(new) == comments_in(text)
    again = taken_out(new, where.start)
    assert parse(again) is not None
    assert found(again, where.start)[1].value == where.value
    assert comments_in(again) == comments_in(text)
    if where.members:
        assert again == text


@given(jsonc_documents(), st.data())
def test_any_member_is_taken_out_and_all_comments_outside_it_stay(
    document: tuple[str, dict[str, Any]], data: st.DataObject
) -> None:
    text, _ = document
    root = parse(text)
    assert root is not None
    where = data.draw(st.sampled_from(objects_in(root)))
    if not where.members:
        return
    member = data.draw(st.sampled_from(where.members))
    rest = parse(without_member(text, where, member))
    assert rest is not None
    (left,) = [each for each in objects_in(rest) if each.start == where.start]
    kept = [(each.key, each.node.value) for each in where.members if each is not member]
    assert [(each.key, each.node.value) for each in left.members] == kept
    outside = text[: member.start] + text[member.node.end :]
    assert comments_in(without_member(text, where, member)) == comments_in(outside)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"a":1}', '{"a":1,"new":{"x":{"y":[1,2]},"z":"é"}}'),
        ('{"a": 1}', '{"a": 1, "new": {"x": {"y": [1, 2]}, "z": "é"}}'),
        (
            '{\n\t"a": 1, // b\n// e\n}',
            '{\n\t"a": 1, // b\n\t"new": {\n\t\t"x": { "y": [1, 2] },\n\t\t"z": "é"\n\t},\n// e\n}',
        ),
        (
            '{\r\n  "a": 1\r\n}',
            '{\r\n  "a": 1,\r\n  "new": {\r\n    "x": { "y": [1, 2] },\r\n    "z": "é"\r\n  }\r\n}',
        ),
        ("{}", '{\n  "new": {\n    "x": { "y": [1, 2] },\n    "z": "é"\n  }\n}'),
        (
            "{ // why\n}",
            '{ // why\n  "new": {\n    "x": { "y": [1, 2] },\n    "z": "é"\n  }\n}',
        ),
    ],
)
def test_what_is_put_in_looks_like_what_is_there(text: str, expected: str) -> None:
    assert put_in(text, 0) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{\n  "a": 1,\n  "new": 2,\n  "b": 3\n}', '{\n  "a": 1,\n  "b": 3\n}'),
        ('{\n  "new": 2,\n  "b": 3\n}', '{\n  "b": 3\n}'),
        (
            '{\n  "a": 1,\n  // mine\n  "new": 2 // and mine\n}',
            '{\n  "a": 1\n  // mine\n  // and mine\n}',
        ),
        ('{"new": 2}', "{}"),
        ('{ "new": 2, "b": 3 }', '{ "b": 3 }'),
        ('{\n  "a": 1\n  , "new": 2\n}', '{\n  "a": 1\n  \n}'),
        ('{ // mine\n"new": 2 // and mine\n, "b": 3 }', '{ // mine\n // and mine\n"b": 3 }'),
        ('{\n  // mine\n  "new": 2 }', "{\n  // mine\n  }"),
    ],
)
def test_what_is_taken_out_of_a_text_that_was_laid_out_anew(text: str, expected: str) -> None:
    assert taken_out(text, 0) == expected
