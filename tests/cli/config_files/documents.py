"""Documents as people write them: any layout, comments anywhere between two tokens."""

from __future__ import annotations

import json
import re
from collections.abc import Sized
from typing import Any, Final

from hypothesis import strategies as st

COMMENT: Final = re.compile(r'"(?:[^"\\]|\\.)*"|(//[^\r\n]*|/\*[\s\S]*?\*/)')

_LINE_ENDS: Final = st.sampled_from(["\n", "\r\n"])
_KEYS: Final = st.sampled_from(
    ["a", "b", "c", "//", "a /* b */", 'q"', "\u00e9", "provider", "qwen"]
)
_SCALARS: Final = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-9, 9),
    st.sampled_from(
        ["", "x", "// no comment", "/* neither */", "}", ",", "\\", "\u2028", "http://h"]
    ),
)


@st.composite
def spaces(draw: st.DrawFn, newline: str) -> str:
    """What may stand between two tokens of JSONC, most often nothing much."""
    pieces = [
        " ",
        "  ",
        "\t",
        newline,
        f"{newline}  ",
        f"// c{newline}",
        f"// c \u00a0 {newline}",
        "/* c */",
        f"/*{newline}*/",
    ]
    return "".join(draw(st.lists(st.sampled_from(pieces), max_size=3)))


@st.composite
def _endings(draw: st.DrawFn, newline: str, items: Sized) -> str:
    """What stands before the closing bracket: a comma too, where there is something before it."""
    space: str = draw(spaces(newline))
    return f",{space}" if items and draw(st.booleans()) else "" if items else space


@st.composite
def jsonc_values(draw: st.DrawFn, newline: str, depth: int = 3) -> tuple[str, Any]:
    """A text of JSONC, and what it means."""
    kind = draw(st.sampled_from(["scalar", "array", "object"] if depth else ["scalar"]))
    if kind == "object":
        return draw(jsonc_objects(newline, depth=depth - 1))
    if kind == "scalar":
        value = draw(_SCALARS)
        return json.dumps(value, ensure_ascii=draw(st.booleans())), value
    items = draw(st.lists(jsonc_values(newline, depth - 1), max_size=2))
    space = spaces(newline)
    texts = [f"{draw(space)}{text}{draw(space)}" for text, _ in items]
    end = draw(_endings(newline, items))
    return f"[{','.join(texts)}{end}]", [value for _, value in items]


@st.composite
def jsonc_objects(draw: st.DrawFn, newline: str, *, depth: int = 3) -> tuple[str, dict[str, Any]]:
    """An object, and what it means; a key may come twice."""
    space = spaces(newline)
    members = draw(st.lists(st.tuples(_KEYS, jsonc_values(newline, depth)), max_size=3))
    texts = [
        f"{draw(space)}{json.dumps(key)}{draw(space)}:{draw(space)}{text}{draw(space)}"
        for key, (text, _) in members
    ]
    end = draw(_endings(newline, members))
    return "{" + ",".join(texts) + end + "}", {key: value for key, (_, value) in members}


@st.composite
def jsonc_documents(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    """A whole document whose value is an object, and what it means."""
    newline = draw(_LINE_ENDS)
    text, value = draw(jsonc_objects(newline))
    return f"{draw(spaces(newline))}{text}{draw(spaces(newline))}", value


def comments_in(text: str) -> list[str]:
    """All comments of a JSONC text, in their order, without space at their ends."""
    return [found[1].rstrip() for found in COMMENT.finditer(text) if found[1]]


# TOML


_TOML_VALUES: Final = st.sampled_from(
    [
        "1",
        "true",
        '"x"',
        "'x # no comment'",
        '"]\\" # no comment"',
        "2026-01-01T00:00:00Z",
        "[1, 2]",
        "[ # comment\n  1, # ]\n]",
        '{ a = 1, b = ["}"] }',
        '"""\n[no.table]\nkey = 1\n"""',
        "'''\n# no comment'''",
        '""',
    ]
)
_TOML_ASIDES: Final = st.sampled_from(
    ["", "\n", "\n\n", "# a comment\n", "\n# a comment\n\n", "  \n"]
)


@st.composite
def toml_statements(draw: st.DrawFn, prefix: str) -> str:
    """Some statements whose keys begin with ``prefix``, and what stands between them."""
    text = ""
    for number in range(draw(st.integers(0, 3))):
        key = draw(
            st.sampled_from([f"{prefix}{number}", f'"{prefix}{number}.x"', f"{prefix}{number}.y"])
        )
        indent = draw(st.sampled_from(["", "  "]))
        end = draw(st.sampled_from(["", "  ", " # why"]))
        text += f"{draw(_TOML_ASIDES)}{indent}{key} = {draw(_TOML_VALUES)}{end}\n"
    return text


@st.composite
def toml_documents(draw: st.DrawFn) -> str:
    """A sound TOML text; providers of other names may be in it."""
    text = draw(toml_statements("k"))
    headers = ["tui", "model_providers.other", 'projects."/a.b"', "model_providers", "x . y"]
    for header in draw(st.lists(st.sampled_from(headers), unique=True, max_size=3)):
        text += f"{draw(_TOML_ASIDES)}[{header}]\n{draw(toml_statements('t'))}"
    text += draw(_TOML_ASIDES)
    if draw(st.booleans()):
        text = text.removesuffix("\n")
    return text.replace("\n", draw(_LINE_ENDS))
