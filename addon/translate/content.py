"""Parts of a message's content, from Responses to Chat Completions.

| Responses                                  | Chat Completions                        |
|--------------------------------------------|-----------------------------------------|
| ``input_text``, ``output_text``, ``text``  | ``text``                                |
| ``refusal``                                | ``text``: what the model said then      |
| ``input_image`` (URL or data URL)          | ``image_url``, with ``detail``          |
| ``input_image`` (``file_id``)              | refused: nobody upstream has that file  |
| ``input_file`` (``file_data``, ``file_id``)| ``file``                                |
| ``input_file`` (``file_url``)              | refused: there is no such part          |
| ``input_audio``                            | ``text``: a note that it was left out   |
"""

from __future__ import annotations

from typing import Any, Final, TypeAlias, cast

from addon.errors import invalid_request, unsupported_parameter
from addon.translate.wire_parts import AnyPart, FilePart, ImagePart

ChatPart: TypeAlias = dict[str, Any]

AUDIO_OMITTED: Final = "[audio omitted: not supported upstream]"


def plain_text(content: str | list[AnyPart]) -> str | None:
    """``content`` as a text, if it is nothing but one: the common case, and the fast one."""
    if isinstance(content, str):
        return content
    if len(content) != 1:
        return None
    text: str | None = cast("dict[str, Any]", content[0]).get("text")
    return text


def chat_parts(content: str | list[AnyPart], where: str) -> list[ChatPart]:
    """``content`` as Chat parts; empty texts are left out.

    ``where`` is the path of ``content`` in the request, for errors.
    Raises ApiError (400 ``unsupported_parameter``).
    """
    if isinstance(content, str):
        return [{"type": "text", "text": content}] if content else []
    parts = (_chat_part(part, f"{where}[{index}]") for index, part in enumerate(content))
    return [part for part in parts if part.get("text") != ""]


def plain_or_parts(parts: list[ChatPart]) -> str | list[ChatPart]:
    """The plainest form that holds ``parts``: a lone text as string, which every service takes."""
    if len(parts) == 1 and parts[0]["type"] == "text":
        return cast("str", parts[0]["text"])
    return parts


def split_text(parts: list[ChatPart]) -> tuple[list[str], list[ChatPart]]:
    """``parts`` as the texts among them, and the rest."""
    texts = [part["text"] for part in parts if part["type"] == "text"]
    return texts, [part for part in parts if part["type"] != "text"]


def _chat_part(part: AnyPart, where: str) -> ChatPart:
    match part["type"]:
        case "refusal":
            return {"type": "text", "text": part["refusal"]}
        case "input_image":
            return _image(part, where)
        case "input_file":
            return _file(part, where)
        case "input_audio":
            return {"type": "text", "text": AUDIO_OMITTED}
        case _:
            return {"type": "text", "text": part["text"]}


def _image(part: ImagePart, where: str) -> ChatPart:
    url = part.get("image_url")
    if not url:
        raise unsupported_parameter(
            "An image must come as 'image_url' (a URL or a data URL): uploaded files are not "
            "known to the Chat Completions service.",
            f"{where}.file_id" if part.get("file_id") else f"{where}.image_url",
        )
    image = {"url": url}
    detail = part.get("detail")
    if detail:
        # Chat Completions knows no "original"; "high" is what comes nearest.
        image["detail"] = "high" if detail == "original" else detail
    return {"type": "image_url", "image_url": image}


def _file(part: FilePart, where: str) -> ChatPart:
    if part.get("file_url"):
        raise unsupported_parameter(
            "A file by URL cannot be carried over to the Chat Completions API; send it as "
            "'file_data'.",
            f"{where}.file_url",
        )
    if not part.get("file_data") and not part.get("file_id"):
        raise invalid_request("A file needs its 'file_data'.", f"{where}.file_data")
    # A service takes the one or the other.
    file = {key: part[key] for key in ("file_data", "file_id", "filename") if part.get(key)}
    if "file_data" in file:
        file.pop("file_id", None)  # a service takes the one or the other
    return {"type": "file", "file": file}
