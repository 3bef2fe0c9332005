"""The wire format of a Responses request: what may come in, checked once.

The types follow OpenAI's reference for ``POST /v1/responses``: the fields of the body
here, parts, items and tools in ``wire_parts``, ``wire_items`` and ``wire_tools``. What is
wrong with a body is put into words by ``wire_faults``.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal, NamedTuple, NotRequired, TypeAlias

from pydantic import Field, TypeAdapter, ValidationError
from typing_extensions import TypedDict

from addon.errors import invalid_request
from addon.translate.json_edge import JsonValue, parse_json
from addon.translate.toolbox import Toolbox, toolbox_of
from addon.translate.wire_faults import api_error
from addon.translate.wire_input import Input, LaterToolsInPlace, checked_items
from addon.translate.wire_rules import JsonObject, ListOf, Name, strict
from addon.translate.wire_tools import Tool, ToolChoice

_BOM: Final = b"\xef\xbb\xbf"
"""Which a JSON text must not begin with, and a receiver may pass over (RFC 8259 §8.1)."""


@strict
class TextFormat(TypedDict):
    """``text``, ``json_object``, or ``json_schema`` with its name and schema."""

    type: Literal["text", "json_object", "json_schema"]
    name: NotRequired[Name]
    schema: NotRequired[JsonObject]
    description: NotRequired[str | None]
    strict: NotRequired[bool | None]


@strict
class TextSettings(TypedDict):
    """How the text of the answer is to look."""

    format: NotRequired[TextFormat | None]
    verbosity: NotRequired[Literal["low", "medium", "high"] | None]


@strict
class ReasoningSettings(TypedDict):
    """How hard the model is to think, and what it tells of it."""

    context: NotRequired[str | None]
    effort: NotRequired[str | None]
    generate_summary: NotRequired[str | None]
    mode: NotRequired[str | None]
    summary: NotRequired[Literal["auto", "concise", "detailed"] | None]


_Number: TypeAlias = Annotated[float, Field(allow_inf_nan=False)]
_Count: TypeAlias = Annotated[int, Field(ge=1)]


@strict
class RequestFields(TypedDict):
    """The body of ``POST /v1/responses``: those fields that are read here, by name."""

    background: NotRequired[bool | None]
    conversation: NotRequired[Any]
    include: NotRequired[ListOf[str] | None]
    input: Input
    instructions: NotRequired[str | None]
    max_output_tokens: NotRequired[_Count | None]
    max_tool_calls: NotRequired[_Count | None]
    metadata: NotRequired[dict[str, str] | None]
    model: Name
    parallel_tool_calls: NotRequired[bool | None]
    previous_response_id: NotRequired[str | None]
    prompt: NotRequired[Any]
    prompt_cache_key: NotRequired[str | None]
    prompt_cache_options: NotRequired[JsonObject | None]
    prompt_cache_retention: NotRequired[str | None]
    reasoning: NotRequired[ReasoningSettings | None]
    safety_identifier: NotRequired[str | None]
    service_tier: NotRequired[str | None]
    store: NotRequired[bool | None]
    stream: NotRequired[bool | None]
    stream_options: NotRequired[JsonObject | None]
    temperature: NotRequired[_Number | None]
    text: NotRequired[TextSettings | None]
    tool_choice: NotRequired[ToolChoice | None]
    tools: NotRequired[ListOf[Tool] | None]
    top_logprobs: NotRequired[Annotated[int, Field(ge=0, le=20)] | None]
    top_p: NotRequired[_Number | None]
    truncation: NotRequired[Literal["auto", "disabled"] | None]
    user: NotRequired[str | None]


_CHECK: Final = TypeAdapter(RequestFields).validate_python


class Received(NamedTuple):
    """A request that is right."""

    fields: RequestFields
    """Every item of its input has a ``type``."""
    toolbox: Toolbox
    """Its tools."""
    later_tools: list[LaterToolsInPlace]
    """The items that bring further ones, with their places."""


def read_request(body: bytes) -> Received:
    """The body of a Responses request, checked.

    Raises ApiError (400): ``invalid_request`` where it is not JSON or a field is wrong,
    ``unsupported_parameter`` where something has a type that is not known here.
    """
    try:
        value: JsonValue = parse_json(body.removeprefix(_BOM))
    except ValueError as error:
        raise invalid_request(f"The request body is not valid JSON: {error}.") from None
    if not isinstance(value, dict):
        raise invalid_request("The request body must be a JSON object.")
    try:
        return _checked(value)
    except ValidationError as error:
        raise api_error(error) from None


def _checked(value: dict[str, JsonValue]) -> Received:
    """``value``, its input and its tools each in the way that is fastest for them.

    Raises ValidationError: that of ``value`` as a whole, so that the first fault is told.
    """
    items, tools = value.get("input"), value.get("tools")
    rest, checked, later_tools = dict(value), None, None
    try:
        if isinstance(items, list):
            checked, later_tools = checked_items(items)
            rest["input"] = ""
        if tools:
            rest["tools"] = None
        fields, toolbox = _CHECK(rest), toolbox_of(tools) if tools else Toolbox([])
    except ValidationError:
        _CHECK(value)
        raise
    if checked is not None:
        fields["input"] = checked
    if tools:
        fields["tools"] = toolbox.tools
    return Received(fields, toolbox, later_tools or [])
