"""The Chat body of one request for one service: where what was asked for meets the profile.

A ``Draft`` is the request in Chat's terms, the same for every service; ``ChatBody`` says
it to one after another. What had to be left out or changed for that is told by ``notes_on``.
A field that the client has set by itself is never touched.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from pydantic_core import to_json

from addon.translate.dialogue import ChatMessage
from addon.translate.effort import says_thinking
from addon.translate.messages import Conversation
from addon.translate.profile import NEVER_CALLED_TOOL, Profile
from addon.translate.schema import clean
from addon.translate.tool_choice import ChatToolChoice
from addon.translate.toolbox import Functions

_NEVER_CALLED: Final = to_json([NEVER_CALLED_TOOL])

CONTINUE: Final = "Continue."
"""Said for the user where a service wants to hear one and the conversation has none."""

_REASONING: Final = "reasoning_content"
_LIMITS: Final = frozenset(("max_tokens", "max_completion_tokens"))


@dataclass(frozen=True, slots=True)
class Draft:
    """A request in Chat's terms."""

    fields: Mapping[str, Any]
    """Those that are called the same in Chat, and what the client sets for its service."""
    conversation: Conversation
    tools: Functions
    tool_choice: ChatToolChoice | None
    parallel_tool_calls: bool | None
    output_limit: int | None
    """In tokens."""
    response_format: Mapping[str, Any] | None
    effort: str | None
    wants_logprobs: bool
    top_logprobs: int
    stream: bool


class ChatBody:
    """Writes the body of one request for one service after another.

    What does not differ between two services is written once.
    """

    __slots__ = ("_draft", "_messages")

    def __init__(self, draft: Draft) -> None:
        self._draft = draft
        self._messages: dict[_Wishes, bytes] = {}

    def write(self, model: str, profile: Profile) -> bytes:
        """The body that asks ``model``, the name that the service knows."""
        fields, thinks, _ = _fields(self._draft, model, profile)
        parts = [_json({"model": model, **fields})[:-1]]
        tools = self._tools_for(model, profile)
        if tools:
            parts += [b',"tools":', tools]
        parts += [b',"messages":', self._messages_for(profile, thinks), b"}"]
        return b"".join(parts)

    def _tools_for(self, model: str, profile: Profile) -> bytes | None:
        tools, stray = self._draft.tools, profile.stray_token_models
        if tools:
            return tools.written(profile.refused_keywords)
        return _NEVER_CALLED if stray is not None and stray.search(model) else None

    def _messages_for(self, profile: Profile, thinks: bool) -> bytes:
        conversation, written = self._draft.conversation, self._messages
        wishes = _Wishes.of(profile, conversation, thinks)
        if wishes not in written:
            written[wishes] = _json(_messages(conversation.messages, wishes))
        return written[wishes]


def notes_on(draft: Draft, model: str, profile: Profile) -> tuple[str, ...]:
    """What the service of ``profile`` cannot be asked for, for people to read."""
    _, thinks, notes = _fields(draft, model, profile)
    if _is_missing_reasoning(draft.conversation, profile, thinks):
        notes.append("reasoning of earlier turns is lost: a blank stands for it")
    if draft.conversation.has_reasoning and profile.reasoning_field is None:
        notes.append("left out the reasoning of earlier turns: the service takes none")
    if _lacks_user(draft.conversation, profile):
        notes.append("added a user message: there was none")
    return tuple(notes)


# --- all fields but messages and tools


def _fields(draft: Draft, model: str, profile: Profile) -> tuple[dict[str, Any], bool, list[str]]:
    """The fields, whether the model will think, and the notes."""
    notes: list[str] = []
    fields = dict(draft.fields)
    if draft.output_limit is not None and fields.keys().isdisjoint(_LIMITS):
        fields[profile.output_limit] = draft.output_limit
    if draft.response_format is not None and "response_format" not in fields:
        fields["response_format"] = _cleaned_format(draft.response_format, profile.refused_keywords)
    if draft.effort is not None:
        _set_effort(fields, draft.effort, model, profile, notes)
    said = says_thinking(fields)
    thinks = profile.thinks_unasked if said is None else said
    if draft.tools and draft.parallel_tool_calls is not None:
        fields["parallel_tool_calls"] = draft.parallel_tool_calls
    if draft.tool_choice is not None:
        fields["tool_choice"] = _tool_choice(draft.tool_choice, thinks, profile, notes)
    if draft.wants_logprobs and "logprobs" not in fields:
        _set_logprobs(fields, draft.top_logprobs, thinks, profile, notes)
    if draft.stream or profile.always_streams:
        fields["stream"] = True
        fields["stream_options"] = {"include_usage": True}
    return fields, thinks, notes


def _set_effort(
    fields: dict[str, Any], effort: str, model: str, profile: Profile, notes: list[str]
) -> None:
    says = profile.efforts.get(effort)
    thinks = effort != "none"
    unthinking = profile.unthinking_models
    if says is None:
        notes.append("left out reasoning.effort: the service does not know this one")
    elif not fields.keys().isdisjoint(says):
        pass
    elif unthinking is not None and unthinking.search(model):
        if thinks:
            notes.append("left out reasoning.effort: the model does not think")
    elif thinks and "response_format" in fields and not profile.writes_json_while_thinking:
        notes.append("left out reasoning.effort: the service writes no JSON while thinking")
    else:
        fields.update(says)


def _tool_choice(
    choice: ChatToolChoice, thinks: bool, profile: Profile, notes: list[str]
) -> ChatToolChoice:
    is_forced = choice == "required" or isinstance(choice, dict)
    if is_forced and thinks and not profile.forces_choice_while_thinking:
        notes.append("tool_choice became 'auto': the service forces none while thinking")
        return "auto"
    return choice


def _set_logprobs(
    fields: dict[str, Any], top: int, thinks: bool, profile: Profile, notes: list[str]
) -> None:
    if thinks and not profile.counts_logprobs_while_thinking:
        notes.append("left out logprobs: the service has none while thinking")
        return
    fields["logprobs"] = True
    if top > profile.most_top_logprobs:
        notes.append(f"top_logprobs became {profile.most_top_logprobs}: the service has no more")
    if top:
        fields["top_logprobs"] = min(top, profile.most_top_logprobs)


def _cleaned_format(
    response_format: Mapping[str, Any], refused: frozenset[str] | None
) -> Mapping[str, Any]:
    if refused is None or response_format["type"] != "json_schema":
        return response_format
    schema = response_format["json_schema"]
    cleaned = clean(schema["schema"], refused)
    return {**response_format, "json_schema": {**schema, "schema": cleaned}}


# --- messages


class _Wishes(NamedTuple):
    """What a service wants to have otherwise than it is in a conversation."""

    no_later_system: bool
    """Later system messages are to be the user's."""
    missing: str | None
    """What is to stand for reasoning that is lost."""
    reasoning_field: str | None
    """What reasoning is to be called; None: it is to be left out."""
    a_user: bool
    """A user is to be made to speak."""

    @classmethod
    def of(cls, profile: Profile, conversation: Conversation, thinks: bool) -> _Wishes:
        """The wishes of a service that thinks, or not; only those that make a difference."""
        later_system, keeps = conversation.has_later_system, profile.keeps_later_system_messages
        is_missing = _is_missing_reasoning(conversation, profile, thinks)
        return cls(
            no_later_system=later_system and not keeps,
            missing=profile.missing_reasoning if is_missing else None,
            reasoning_field=profile.reasoning_field if conversation.has_reasoning else _REASONING,
            a_user=_lacks_user(conversation, profile),
        )


def _messages(messages: list[ChatMessage], wishes: _Wishes) -> list[ChatMessage]:
    """The messages as the service takes them; those of the conversation stay as they are."""
    if wishes.no_later_system:
        messages = [messages[0], *(_not_system(message) for message in messages[1:])]
    if wishes.missing is not None:
        messages = list(_with_reasoning(messages, wishes.missing))
    if wishes.reasoning_field != _REASONING:
        messages = [_renamed(message, wishes.reasoning_field) for message in messages]
    if wishes.a_user:
        messages = [*messages, {"role": "user", "content": CONTINUE}]
    return messages


def _not_system(message: ChatMessage) -> ChatMessage:
    return {**message, "role": "user"} if message["role"] == "system" else message


def _lacks_user(conversation: Conversation, profile: Profile) -> bool:
    """Whether a user must be made to speak. Later system messages may become theirs."""
    speaks = conversation.has_user or (
        conversation.has_later_system and not profile.keeps_later_system_messages
    )
    return profile.needs_user_message and not speaks


def _is_missing_reasoning(conversation: Conversation, profile: Profile, thinks: bool) -> bool:
    return thinks and profile.missing_reasoning is not None and conversation.lacks_reasoning


def _with_reasoning(messages: Iterable[ChatMessage], missing: str) -> Iterable[ChatMessage]:
    """From the first call on, every turn of the assistant must have its reasoning."""
    has_called = False
    for message in messages:
        has_called = has_called or "tool_calls" in message
        if has_called and message["role"] == "assistant" and _REASONING not in message:
            yield {**message, _REASONING: missing}
        else:
            yield message


def _renamed(message: ChatMessage, reasoning_field: str | None) -> ChatMessage:
    if _REASONING not in message:
        return message
    renamed = {name: value for name, value in message.items() if name != _REASONING}
    if reasoning_field is not None:
        renamed[reasoning_field] = message[_REASONING]
    return renamed


def _json(value: object) -> bytes:
    return to_json(value, inf_nan_mode="null")
