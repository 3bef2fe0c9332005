"""A request, from Responses to Chat Completions: the way there. The way back is ``reply``.

What becomes of each field, item and tool is told by the tables of ``fates``. The request
is understood once (``parse_request``) and said as often as there are services to try
(``ResponsesRequest.render``): what differs between them is a ``Profile``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final, cast

from addon.errors import invalid_request, unsupported_parameter
from addon.translate.chat_body import ChatBody, Draft, notes_on
from addon.translate.fates import CHAT_ALONE, FIELDS, Fate, Refused
from addon.translate.json_edge import parse_json
from addon.translate.messages import conversation
from addon.translate.needs import AnswerNeeds
from addon.translate.profile import PLAIN, Profile
from addon.translate.reasoning import Recollection
from addon.translate.response import ResponseShape
from addon.translate.tool_choice import chosen
from addon.translate.tools import ChatTools, chat_tools
from addon.translate.wire import Received, RequestFields, TextFormat, read_request
from addon.translate.wire_tools import AnyTool

_REFUSED: Final = {name: row for name, row in FIELDS.items() if isinstance(row, Refused)}
_DROPPED: Final = [name for name, row in FIELDS.items() if row is Fate.DROPPED]
_NOT_SAME: Final = frozenset(
    (*CHAT_ALONE, *(name for name, row in FIELDS.items() if row is not Fate.SAME))
)

_LOGPROBS: Final = "message.output_text.logprobs"
_SEALED_REASONING: Final = "reasoning.encrypted_content"


@dataclass(frozen=True, slots=True)
class ResponsesRequest:
    """A Responses request, understood: all that its way there and back needs to know."""

    model: str
    """The model's name as the client sends it."""
    stream: bool
    session: str | None
    """``prompt_cache_key``: what ties the requests of one conversation together."""
    shape: ResponseShape
    """What every Response object to this request has in common."""
    answer: AnswerNeeds
    """What the way back must know of it."""
    notes: tuple[str, ...]
    """What was left out, for people to read."""
    draft: Draft = field(repr=False)
    body: ChatBody = field(repr=False)

    def render(self, model: str, profile: Profile = PLAIN) -> bytes:
        """The Chat Completions body that asks ``model``, the name the account's service knows.

        It asks for a stream where the client does, or where the service is always asked so.
        """
        return self.body.write(model, profile)

    def notes_for(self, profile: Profile, model: str | None = None) -> tuple[str, ...]:
        """What was left out or changed for the service of ``profile``, beyond ``notes``.

        ``model``: the name that the service knows, if it is another than the client's.
        """
        return notes_on(self.draft, model or self.model, profile)


def parse_request(body: bytes, reasoning: Recollection | None = None) -> ResponsesRequest:
    """The body of ``POST /v1/responses``, checked and translated.

    ``reasoning``: where the reasoning of earlier turns may be found.
    Raises ApiError (400): ``invalid_request`` where a field is wrong,
    ``unsupported_parameter`` where Chat Completions has no way to carry it;
    ``param`` names the field.
    """
    received = read_request(body)
    fields = received.fields
    _refuse_unsupported(fields)
    tools = chat_tools(_later_tools(received), received.toolbox.chat)
    answer = _needs(fields, tools)
    draft = _draft(received, tools, answer, reasoning)
    return ResponsesRequest(
        model=fields["model"],
        stream=draft.stream,
        session=fields.get("prompt_cache_key"),
        shape=ResponseShape(fields),
        answer=answer,
        notes=(*_notes(fields, tools), *draft.conversation.notes),
        draft=draft,
        body=ChatBody(draft),
    )


def _refuse_unsupported(fields: RequestFields) -> None:
    for name, row in _REFUSED.items():
        if fields.get(name):
            raise unsupported_parameter(f"'{name}' is not supported. {row.instead}", name)
    for name, allowed in CHAT_ALONE.items():
        if name in fields and fields.get(name) not in allowed:
            raise unsupported_parameter(
                f"'{name}' belongs to the Chat Completions API and has no place in a request to "
                "the Responses API.",
                name,
            )


def _later_tools(received: Received) -> Iterator[tuple[str, AnyTool]]:
    """The tools that came in the midst of the input, with their paths."""
    for place, item in received.later_tools:
        for index, tool in enumerate(item["tools"]):
            yield f"input[{place}].tools[{index}]", tool


def _needs(fields: RequestFields, tools: ChatTools) -> AnswerNeeds:
    include = fields.get("include") or ()
    return AnswerNeeds(
        tools=tools.names,
        wants_logprobs=_LOGPROBS in include or bool(fields.get("top_logprobs")),
        wants_sealed_reasoning=_SEALED_REASONING in include,
    )


def _draft(
    received: Received, tools: ChatTools, answer: AnswerNeeds, reasoning: Recollection | None
) -> Draft:
    fields = received.fields
    carried, choice = chosen(tools, cast("Any", fields.get("tool_choice")))
    text, thinking = fields.get("text"), fields.get("reasoning")
    said = conversation(
        cast("Any", fields["input"]), fields.get("instructions"), tools.names, reasoning
    )
    if not said.messages:
        raise invalid_request("'input' is empty: there is nothing to answer.", "input")
    return Draft(
        fields={
            name: value
            for name, value in fields.items()
            if value is not None and name not in _NOT_SAME
        },
        conversation=said,
        tools=received.toolbox.functions(carried),
        tool_choice=choice,
        parallel_tool_calls=fields.get("parallel_tool_calls"),
        output_limit=fields.get("max_output_tokens"),
        response_format=_response_format(text.get("format") if text else None),
        effort=thinking.get("effort") if thinking else None,
        wants_logprobs=answer.wants_logprobs,
        top_logprobs=fields.get("top_logprobs") or 0,
        stream=bool(fields.get("stream")),
    )


def _notes(fields: RequestFields, tools: ChatTools) -> Iterator[str]:
    for name in _DROPPED:
        if fields.get(name):
            yield f"dropped {name}"
    if fields.get("truncation") == "auto":
        yield "truncation is not done here"
    for kind in tools.dropped:
        yield f"dropped hosted tool {kind}"


def _response_format(text_format: TextFormat | None) -> dict[str, Any] | None:
    """``text.format`` as ``response_format``; None: plain text, as always."""
    if not text_format or text_format["type"] == "text":
        return None
    if text_format["type"] == "json_object":
        return {"type": "json_object"}
    for name in ("name", "schema"):
        if name not in text_format:
            param = f"text.format.{name}"
            raise invalid_request(f"Missing required parameter: '{param}'.", param)
    known = ("name", "description", "schema", "strict")
    schema = {name: text_format.get(name) for name in known if text_format.get(name) is not None}
    return {"type": "json_schema", "json_schema": schema}


def model_in(body: bytes) -> str | None:
    """The model that a Chat Completions ``body`` names, if it can be read and names one."""
    try:
        value = parse_json(body)
    except ValueError:
        return None
    model = value.get("model") if isinstance(value, dict) else None
    return model if isinstance(model, str) else None
