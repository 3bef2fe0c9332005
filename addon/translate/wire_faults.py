"""What is wrong with a request, in words that name the field and never repeat its value.

pydantic's location of an error is a path through the types: beside fields and indices it
names the members of unions. ``param_path`` makes of it the path that a client would write,
``input[2].content``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, TypeAlias

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from addon.errors import ApiError, invalid_request, unsupported_parameter
from addon.translate.fates import ITEMS, PARTS, TOOLS
from addon.translate.wire_rules import LIST, TEXT

Location: TypeAlias = tuple[int | str, ...]

_MEMBERS: Final = frozenset((*ITEMS, *PARTS, *TOOLS))
"""Members of the unions whose ``type`` says which one it is. They follow an index."""

_TYPE_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,63}")


def api_error(error: ValidationError) -> ApiError:
    """The first fault, as a refusal for the client to read."""
    fault = _first(error.errors(include_url=False, include_input=False))
    location, kind = fault["loc"], fault["type"]
    param = param_path(location)
    if kind == "missing":
        return invalid_request(f"Missing required parameter: '{param}'.", param)
    if kind == "union_tag_invalid":
        return _unknown_type(fault, f"{param}.type")
    if kind == "union_tag_not_found":
        return invalid_request(f"'{param}' must be an object with a 'type'.", f"{param}.type")
    if kind == "model_attributes_type":
        return invalid_request(f"Invalid value for '{param}': Input should be an object.", param)
    if location[-1] == LIST:
        return invalid_request(
            f"Invalid value for '{param}': Input should be a string or a list of content parts.",
            param,
        )
    return invalid_request(f"Invalid value for '{param}': {fault['msg']}.", param)


def _first(faults: Sequence[ErrorDetails]) -> ErrorDetails:
    """Of text or list both members complain: the list's complaint is the one that says more."""
    return next((fault for fault in faults if fault["loc"][-1:] != (TEXT,)), faults[0])


def _unknown_type(fault: ErrorDetails, param: str) -> ApiError:
    """A ``type`` that there is not: it may come with a later version of the API."""
    context = fault.get("ctx", {})
    return unsupported_parameter(
        f"Invalid value for '{param}': {type_name(str(context.get('tag')))} is not one of "
        f"{context.get('expected_tags')}.",
        param,
    )


def type_name(kind: str) -> str:
    """``kind`` as it may stand in an error: no value of the client's, but the name of a type."""
    return repr(kind) if _TYPE_NAME.fullmatch(kind) else "what stands there"


def param_path(location: Location) -> str:
    """A location such as ``("input", "<list>", 2, "message", "content")`` as a path of fields."""
    path = ""
    for place, step in enumerate(location):
        if isinstance(step, int):
            path += f"[{step}]"
        elif not _is_member(location, place, step):
            path += f".{step}" if path else step
    return path


def _is_member(location: Location, place: int, step: str) -> bool:
    """Whether the step names a member of a union. The last one never does: it is a field."""
    if step.startswith("<"):
        return True
    follows_index = place > 0 and isinstance(location[place - 1], int)
    return follows_index and step in _MEMBERS and place < len(location) - 1
