"""The wire format of a message's content: text, or a list of parts."""

from __future__ import annotations

from typing import Annotated, Literal, NotRequired, TypeAlias

from pydantic import Discriminator, Field, Tag
from typing_extensions import TypedDict

from addon.translate.wire_rules import LIST, TEXT, ListOf, lean


@lean
class TextPart(TypedDict):
    """``input_text``, ``output_text``; and ``text``, ``summary_text``, ``reasoning_text``."""

    type: Literal["input_text", "output_text", "text", "summary_text", "reasoning_text"]
    text: str


@lean
class RefusalPart(TypedDict):
    """What the model said when it would not answer."""

    type: Literal["refusal"]
    refusal: str


@lean
class ImagePart(TypedDict):
    """An image by URL, by data URL, or by the id of an uploaded file."""

    type: Literal["input_image"]
    image_url: NotRequired[str | None]
    file_id: NotRequired[str | None]
    detail: NotRequired[Literal["low", "high", "auto", "original"] | None]


@lean
class FilePart(TypedDict):
    """A file, in the request itself, by URL, or by the id of an upload."""

    type: Literal["input_file"]
    file_data: NotRequired[str | None]
    file_id: NotRequired[str | None]
    file_url: NotRequired[str | None]
    filename: NotRequired[str | None]


@lean
class AudioPart(TypedDict):
    """Sound; its content is of no interest here."""

    type: Literal["input_audio"]


AnyPart: TypeAlias = TextPart | RefusalPart | ImagePart | FilePart | AudioPart

Part: TypeAlias = Annotated[AnyPart, Discriminator("type")]

Content: TypeAlias = Annotated[
    Annotated[str, Tag(TEXT)] | Annotated[ListOf[Part], Tag(LIST)],
    Field(union_mode="left_to_right"),
]
