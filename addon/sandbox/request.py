"""A valid Chat Completions request as typed values: what the simulated model reads.

Only for bodies in which ``strict.validate`` found no fault. What changes nothing in the
sandbox (``temperature``, ``seed`` …) is left out, and nesting is taken away. Pure.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import AliasChoices, AliasPath, BaseModel, BeforeValidator, ConfigDict, Field


class _Wire(BaseModel):
    model_config: ClassVar[ConfigDict] = ConfigDict(
        frozen=True,
        extra="ignore",
        # Types are known by name; on the wire a name that is an alias here was refused already.
        validate_by_name=True,
    )


class Part(_Wire):
    """One part of a message's content; ``text`` is empty for images and files."""

    type: str
    text: str = ""


class ToolCall(_Wire):
    """A call in the history; ``arguments`` is the text of a JSON object."""

    id: str
    name: str = Field(validation_alias=AliasPath("function", "name"))
    arguments: str = Field(validation_alias=AliasPath("function", "arguments"))


class Message(_Wire):
    """One message of the history."""

    role: Literal["system", "user", "assistant", "tool"]
    content: str | tuple[Part, ...] | None = None
    reasoning_content: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str = ""

    @property
    def text(self) -> str:
        """The texts of the content, each on lines of its own."""
        if isinstance(self.content, str):
            return self.content
        return "\n".join(part.text for part in self.content or () if part.text)

    @property
    def images(self) -> int:
        """How many images the content holds."""
        parts = () if self.content is None or isinstance(self.content, str) else self.content
        return sum(part.type == "image_url" for part in parts)


class Tool(_Wire):
    """A function that the model may call."""

    name: str = Field(validation_alias=AliasPath("function", "name"))
    description: str = Field("", validation_alias=AliasPath("function", "description"))
    parameters: dict[str, Any] = Field(
        default_factory=dict, validation_alias=AliasPath("function", "parameters")
    )


class ChatRequest(_Wire):
    """The body of ``POST /v1/chat/completions``."""

    model: str
    messages: tuple[Message, ...]
    stream: bool = False
    include_usage: bool = Field(
        default=False, validation_alias=AliasPath("stream_options", "include_usage")
    )
    max_tokens: int | None = Field(
        default=None, validation_alias=AliasChoices("max_tokens", "max_completion_tokens")
    )
    stop: Annotated[
        tuple[str, ...], BeforeValidator(lambda stop: (stop,) if isinstance(stop, str) else stop)
    ] = ()
    tools: tuple[Tool, ...] = ()
    tool_choice: Literal["none", "auto", "required"] | dict[str, Any] = "auto"
    named_tool: str | None = Field(
        default=None, validation_alias=AliasPath("tool_choice", "function", "name")
    )
    """The tool that ``tool_choice`` names, None where it names none."""
    parallel_tool_calls: bool = True
    answer_format: Literal["text", "json_object", "json_schema"] = Field(
        default="text", validation_alias=AliasPath("response_format", "type")
    )
    answer_schema: Any = Field(
        default=None, validation_alias=AliasPath("response_format", "json_schema", "schema")
    )
    """The JSON Schema of the answer where ``answer_format`` is ``json_schema``."""
    enable_thinking: bool = False
    thinking_budget: int | None = None
