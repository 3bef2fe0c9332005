"""The wire format of a Responses request: what may come in, checked once.

The types follow OpenAI's reference for ``POST /v1/responses``. They are
TypedDicts, so that a checked request is plain dicts and lists: nothing is
copied into objects that would be copied out again a moment later. Unknown
fields stay where they are; whoever maps a type decides about them.

The tag of a union member is written ``<name>``: pydantic puts it into the
location of an error, and ``_param`` takes it out again, so that ``param``
reads as a client would write it, ``input[2].content``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, NotRequired, TypeAlias

from pydantic import (
    ConfigDict,
    Discriminator,
    Field,
    StringConstraints,
    Tag,
    TypeAdapter,
    ValidationError,
    with_config,
)
from pydantic_core import ErrorDetails
from typing_extensions import TypedDict

from addon.errors import ApiError, invalid_request
from addon.translate.json_edge import JsonValue, parse_json

_strict: Final = with_config(ConfigDict(strict=True, extra="allow"))

_BOM: Final = b"\xef\xbb\xbf"
"""Which a JSON text must not begin with, and a receiver may pass over (RFC 8259 §8.1)."""

Name: TypeAlias = Annotated[str, StringConstraints(min_length=1)]
JsonObject: TypeAlias = dict[str, Any]


# --- parts of a message's content


@_strict
class TextPart(TypedDict):
    """``input_text``, ``output_text``; and ``text``, ``summary_text``, ``reasoning_text``."""

    type: Literal["input_text", "output_text", "text", "summary_text", "reasoning_text"]
    text: str


@_strict
class RefusalPart(TypedDict):
    """What the model said when it would not answer."""

    type: Literal["refusal"]
    refusal: str


@_strict
class ImagePart(TypedDict):
    """An image by URL, by data URL, or by the id of an uploaded file."""

    type: Literal["input_image"]
    image_url: NotRequired[str | None]
    file_id: NotRequired[str | None]
    detail: NotRequired[Literal["low", "high", "auto", "original"] | None]


@_strict
class FilePart(TypedDict):
    """A file, in the request itself, by URL, or by the id of an upload."""

    type: Literal["input_file"]
    file_data: NotRequired[str | None]
    file_id: NotRequired[str | None]
    file_url: NotRequired[str | None]
    filename: NotRequired[str | None]


@_strict
class AudioPart(TypedDict):
    """Sound; its content is of no interest here."""

    type: Literal["input_audio"]


def _type_tag(value: object) -> str | None:
    """The tag of a union member, from its ``type``."""
    kind = value.get("type") if isinstance(value, dict) else None
    if not isinstance(kind, str):
        return None
    return "<input_text>" if kind in _TEXT_TYPES else f"<{kind}>"


_TEXT_TYPES: Final = frozenset(
    ("input_text", "output_text", "text", "summary_text", "reasoning_text")
)

Part: TypeAlias = Annotated[
    Annotated[TextPart, Tag("<input_text>")]
    | Annotated[RefusalPart, Tag("<refusal>")]
    | Annotated[ImagePart, Tag("<input_image>")]
    | Annotated[FilePart, Tag("<input_file>")]
    | Annotated[AudioPart, Tag("<input_audio>")],
    Discriminator(_type_tag),
]


def _text_or_list_tag(value: object) -> str | None:
    if isinstance(value, str):
        return "<text>"
    return "<list>" if isinstance(value, list) else None


Content: TypeAlias = Annotated[
    Annotated[str, Tag("<text>")] | Annotated[list[Part], Tag("<list>")],
    Discriminator(
        _text_or_list_tag,
        custom_error_type="content_type",
        custom_error_message="Input should be a string or a list of content parts",
    ),
]


# --- items of the input


@_strict
class Message(TypedDict):
    """A message of any role; ``type`` may be left out."""

    type: NotRequired[Literal["message"] | None]
    role: Literal["user", "assistant", "system", "developer"]
    content: Content


@_strict
class FunctionCall(TypedDict):
    """A call that the model made in an earlier turn."""

    type: Literal["function_call"]
    call_id: Name
    name: Name
    arguments: str


@_strict
class FunctionCallOutput(TypedDict):
    """What such a call gave."""

    type: Literal["function_call_output"]
    call_id: Name
    output: Content


@_strict
class Reasoning(TypedDict):
    """The model's reasoning in an earlier turn."""

    type: Literal["reasoning"]
    summary: NotRequired[list[TextPart] | None]
    content: NotRequired[list[TextPart] | None]
    encrypted_content: NotRequired[str | None]


@_strict
class ItemReference(TypedDict):
    """A pointer to an item that a server keeps; ``type`` may be left out."""

    type: NotRequired[Literal["item_reference"] | None]
    id: str


@_strict
class OtherItem(TypedDict):
    """An item of a type that has no counterpart here."""

    type: str


_ITEM_TYPES: Final = frozenset(
    ("message", "function_call", "function_call_output", "reasoning", "item_reference")
)


def _item_tag(value: object) -> str | None:
    """Clients leave ``type`` out of messages and references (OpenCode of all messages)."""
    if not isinstance(value, dict):
        return None
    kind = value.get("type")
    if kind is None:
        return "<item_reference>" if "id" in value and "role" not in value else "<message>"
    return f"<{kind}>" if isinstance(kind, str) and kind in _ITEM_TYPES else "<other>"


Item: TypeAlias = Annotated[
    Annotated[Message, Tag("<message>")]
    | Annotated[FunctionCall, Tag("<function_call>")]
    | Annotated[FunctionCallOutput, Tag("<function_call_output>")]
    | Annotated[Reasoning, Tag("<reasoning>")]
    | Annotated[ItemReference, Tag("<item_reference>")]
    | Annotated[OtherItem, Tag("<other>")],
    Discriminator(
        _item_tag,
        custom_error_type="item_type",
        custom_error_message="Input should be an object: a message or another item",
    ),
]

Input: TypeAlias = Annotated[
    Annotated[str, Tag("<text>")] | Annotated[list[Item], Tag("<list>")],
    Discriminator(
        _text_or_list_tag,
        custom_error_type="input_type",
        custom_error_message="Input should be a string or a list of items",
    ),
]


# --- tools


@_strict
class FunctionTool(TypedDict):
    """A function that the client runs."""

    type: Literal["function"]
    name: Name
    description: NotRequired[str | None]
    parameters: NotRequired[JsonObject | None]
    strict: NotRequired[bool | None]


@_strict
class OtherTool(TypedDict):
    """A tool of another type: hosted by OpenAI, or of a kind of its own."""

    type: Name


def _tool_tag(value: object) -> str | None:
    if not isinstance(value, dict):
        return None
    return "<function>" if value.get("type") == "function" else "<other>"


Tool: TypeAlias = Annotated[
    Annotated[FunctionTool, Tag("<function>")] | Annotated[OtherTool, Tag("<other>")],
    Discriminator(
        _tool_tag, custom_error_type="tool_type", custom_error_message="Input should be an object"
    ),
]


@_strict
class AllowedTool(TypedDict):
    """One of the tools that may be used; ``name`` where there may be several of its type."""

    type: Name
    name: NotRequired[Name]


@_strict
class ToolChoiceObject(TypedDict):
    """One tool by name or type, or the tools that may be used."""

    type: Name
    name: NotRequired[Name]
    mode: NotRequired[Literal["auto", "required"]]
    tools: NotRequired[list[AllowedTool]]


def _word_or_object_tag(value: object) -> str | None:
    if isinstance(value, str):
        return "<word>"
    return "<object>" if isinstance(value, dict) else None


ToolChoice: TypeAlias = Annotated[
    Annotated[Literal["none", "auto", "required"], Tag("<word>")]
    | Annotated[ToolChoiceObject, Tag("<object>")],
    Discriminator(
        _word_or_object_tag,
        custom_error_type="tool_choice_type",
        custom_error_message="Input should be 'none', 'auto', 'required' or an object",
    ),
]


# --- settings with a structure of their own


@_strict
class TextFormat(TypedDict):
    """``text``, ``json_object``, or ``json_schema`` with its name and schema."""

    type: Literal["text", "json_object", "json_schema"]
    name: NotRequired[Name]
    schema: NotRequired[JsonObject]
    description: NotRequired[str | None]
    strict: NotRequired[bool | None]


@_strict
class TextSettings(TypedDict):
    """How the text of the answer is to look."""

    format: NotRequired[TextFormat | None]
    verbosity: NotRequired[Literal["low", "medium", "high"] | None]


@_strict
class ReasoningSettings(TypedDict):
    """How hard the model is to think, and what it tells of it."""

    effort: NotRequired[str | None]
    summary: NotRequired[Literal["auto", "concise", "detailed"] | None]


_Number: TypeAlias = Annotated[float, Field(allow_inf_nan=False)]
_Count: TypeAlias = Annotated[int, Field(ge=1)]


@_strict
class RequestFields(TypedDict):
    """The body of ``POST /v1/responses``, in the order of OpenAI's reference."""

    background: NotRequired[bool | None]
    conversation: NotRequired[Any]
    include: NotRequired[list[str] | None]
    input: Input
    instructions: NotRequired[str | None]
    max_output_tokens: NotRequired[_Count | None]
    max_tool_calls: NotRequired[_Count | None]
    metadata: NotRequired[JsonObject | None]
    model: Name
    parallel_tool_calls: NotRequired[bool | None]
    previous_response_id: NotRequired[str | None]
    prompt: NotRequired[Any]
    prompt_cache_key: NotRequired[str | None]
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
    tools: NotRequired[list[Tool] | None]
    top_logprobs: NotRequired[Annotated[int, Field(ge=0, le=20)] | None]
    top_p: NotRequired[_Number | None]
    truncation: NotRequired[Literal["auto", "disabled"] | None]
    user: NotRequired[str | None]


_REQUEST: Final = TypeAdapter(RequestFields)


def read_request(body: bytes) -> RequestFields:
    """The body of a Responses request, checked.

    Raises ApiError (400 ``invalid_request``) where it is not JSON or a field is wrong.
    """
    try:
        value: JsonValue = parse_json(body.removeprefix(_BOM))
    except ValueError as error:
        raise invalid_request(f"The request body is not valid JSON: {error}.") from None
    if not isinstance(value, Mapping):
        raise invalid_request("The request body must be a JSON object.")
    try:
        return _REQUEST.validate_python(value)
    except ValidationError as error:
        raise _api_error(error) from None


def _api_error(error: ValidationError) -> ApiError:
    """The first fault, in words that name the field and never repeat its value."""
    details = error.errors(include_url=False, include_input=False)
    first = details[0]
    param = param_path(first["loc"])
    if first["type"] == "missing":
        return invalid_request(f"Missing required parameter: '{param}'.", param)
    if first["type"] == "union_tag_invalid":
        return _unknown_tag(first, param)
    if first["type"] == "union_tag_not_found":
        return invalid_request(f"'{param}' must be an object with a 'type'.", param)
    return invalid_request(f"Invalid value for '{param}': {first['msg']}.", param)


def _unknown_tag(fault: ErrorDetails, param: str) -> ApiError:
    """A union member of a type that does not exist; the tags lose their brackets."""
    context = fault.get("ctx", {})
    tag = str(context.get("tag", "")).strip("<>")
    expected = str(context.get("expected_tags", "")).replace("<", "").replace(">", "")
    message = f"Invalid value for '{param}.type': {tag!r} is not one of {expected}."
    return invalid_request(message, f"{param}.type")


def param_path(location: tuple[int | str, ...]) -> str:
    """A location such as ``("input", "<list>", 2, "content")`` as ``input[2].content``."""
    path = ""
    for step in location:
        if isinstance(step, int):
            path += f"[{step}]"
        elif not step.startswith("<"):
            path += f".{step}" if path else step
    return path
