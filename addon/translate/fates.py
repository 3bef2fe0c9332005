"""What becomes of everything that a Responses request can hold: the tables.

One row for every field, every type of item, part and tool in OpenAI's reference
(``POST /v1/responses``; a test holds the tables equal to the types of OpenAI's own
package). What cannot be carried is refused, and its row says what to do instead; what
nobody upstream could use is dropped, and a note says so. Nothing is garbled.

A field that no row knows is passed on, unless it is one of Chat's own that would upset the
translation (``CHAT_ALONE``): services have extras of their own (``enable_thinking``,
``top_k`` …), and Chat's ``stop``, ``seed`` and penalties are welcome too. An item or a tool
of a type that no row knows is refused: it might be what the whole request is about.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final, Literal, TypeAlias, get_args


class Fate(Enum):
    """What becomes of a part of the request that is not refused."""

    MAPPED = "mapped"
    """Has its counterpart in Chat; a module of its own knows which."""
    SAME = "same"
    """Is called the same and means the same in Chat."""
    ECHOED = "echoed"
    """Stays here; the answer repeats it where OpenAI's does."""
    DROPPED = "dropped"
    """Stays here, with a note for people to read: something was asked for that is not done."""


@dataclass(frozen=True, slots=True)
class Refused:
    """Cannot be carried: 400 ``unsupported_parameter``."""

    instead: str
    """What to do instead, for the client to read."""


Row: TypeAlias = Fate | Refused

_NOTHING_IS_STORED: Final = "are not stored here; send the whole conversation in 'input'."

FIELDS: Final[Mapping[str, Row]] = {
    "access_programs": Fate.DROPPED,
    "background": Refused(
        "Requests cannot run in the background here; leave it out and stream the answer."
    ),
    "background_options": Fate.ECHOED,
    "client_metadata": Fate.ECHOED,
    "context_management": Fate.DROPPED,
    "conversation": Refused(f"Conversations {_NOTHING_IS_STORED}"),
    "image": Fate.DROPPED,
    "include": Fate.MAPPED,
    "input": Fate.MAPPED,
    "instructions": Fate.MAPPED,
    "max_output_tokens": Fate.MAPPED,
    "max_tool_calls": Fate.ECHOED,
    "metadata": Fate.ECHOED,
    "model": Fate.MAPPED,
    "moderation": Fate.DROPPED,
    "parallel_tool_calls": Fate.MAPPED,
    "previous_response_id": Refused(f"Responses {_NOTHING_IS_STORED}"),
    "prompt": Refused("Prompt templates are not stored here; send their text in 'instructions'."),
    "prompt_cache_key": Fate.ECHOED,
    "prompt_cache_options": Fate.ECHOED,
    "prompt_cache_retention": Fate.ECHOED,
    "reasoning": Fate.MAPPED,
    "safety_identifier": Fate.ECHOED,
    "service_tier": Fate.ECHOED,
    "store": Fate.ECHOED,
    "stream": Fate.MAPPED,
    "stream_options": Fate.ECHOED,
    "temperature": Fate.SAME,
    "text": Fate.MAPPED,
    "tool_choice": Fate.MAPPED,
    "tools": Fate.MAPPED,
    "top_logprobs": Fate.MAPPED,
    "top_p": Fate.SAME,
    "truncation": Fate.ECHOED,
    "user": Fate.SAME,
}
"""The fields of the body. A refused one is let pass where it is null, false or empty."""

CHAT_ALONE: Final[Mapping[str, tuple[object, ...]]] = {
    "messages": (None,),
    "functions": (None,),
    "function_call": (None,),
    "n": (None, 1),
}
"""Fields of Chat's own that would contradict what is written here, and what they may say."""


DroppedItem: TypeAlias = Literal[
    "code_interpreter_call",
    "computer_call",
    "computer_call_output",
    "file_search_call",
    "image_generation_call",
    "mcp_approval_request",
    "mcp_approval_response",
    "mcp_list_tools",
    "program",
    "program_output",
    "web_search_call",
]
"""Items that tell of tools which OpenAI's servers ran, or hold for them alone."""

RefusedItem: TypeAlias = Literal["compaction", "compaction_trigger", "configuration_update"]

_COMPACTIONS: Final = (
    "Only OpenAI can read or write a compaction of the conversation: send the conversation "
    "itself, or a summary of it as a message."
)

ITEMS: Final[Mapping[str, Row]] = {
    "message": Fate.MAPPED,  # system, user, assistant message
    "reasoning": Fate.MAPPED,  # reasoning of the assistant message that it belongs to
    "function_call": Fate.MAPPED,  # tool call …
    "function_call_output": Fate.MAPPED,  # … and tool message; so all the calls below
    "custom_tool_call": Fate.MAPPED,
    "custom_tool_call_output": Fate.MAPPED,
    "local_shell_call": Fate.MAPPED,
    "local_shell_call_output": Fate.MAPPED,
    "shell_call": Fate.MAPPED,
    "shell_call_output": Fate.MAPPED,
    "apply_patch_call": Fate.MAPPED,
    "apply_patch_call_output": Fate.MAPPED,
    "mcp_call": Fate.MAPPED,  # a call together with its output
    "additional_tools": Fate.MAPPED,  # its tools join the tools
    "tool_search_call": Fate.MAPPED,  # a tool call, if it was the client that searched
    "tool_search_output": Fate.MAPPED,  # its tools join the tools
    "item_reference": Refused(
        "Items are not stored here, so they cannot be referred to: send the item itself "
        "(with the AI SDK: store: false)."
    ),
    "compaction": Refused(_COMPACTIONS),
    "compaction_trigger": Refused(_COMPACTIONS),
    "configuration_update": Refused(
        "Settings cannot change within the conversation here: set 'reasoning' and 'text' of the "
        "request."
    ),
    **dict.fromkeys(get_args(DroppedItem), Fate.DROPPED),
}
"""The types of the items in ``input``."""

PARTS: Final[Mapping[str, Row]] = {
    "input_text": Fate.MAPPED,
    "output_text": Fate.MAPPED,
    "text": Fate.MAPPED,
    "summary_text": Fate.MAPPED,
    "reasoning_text": Fate.MAPPED,
    "refusal": Fate.MAPPED,  # text: what the model said then
    "input_image": Fate.MAPPED,  # unless it is an uploaded file: nobody upstream has that
    "input_file": Fate.MAPPED,  # unless it is a URL: there is no such part in Chat
    "input_audio": Fate.DROPPED,  # a text in its place says so
}
"""The types of the parts of a message's content, and of an output's."""


HostedTool: TypeAlias = Literal[
    "code_interpreter",
    "computer",
    "computer_use_preview",
    "file_search",
    "image_generation",
    "mcp",
    "programmatic_tool_calling",
    "web_search",
    "web_search_2025_08_26",
    "web_search_preview",
    "web_search_preview_2025_03_11",
]
"""Tools that OpenAI's servers run: a Chat Completions service has none of them."""

TOOLS: Final[Mapping[str, Row]] = {
    "function": Fate.MAPPED,
    "custom": Fate.MAPPED,  # a function with one argument, the free text
    "namespace": Fate.MAPPED,  # its functions and custom tools, one by one
    "local_shell": Fate.MAPPED,  # a function, as all the tools that the client runs
    "shell": Fate.MAPPED,  # unless it is to run in a container of OpenAI's: that is dropped
    "apply_patch": Fate.MAPPED,
    "tool_search": Fate.MAPPED,  # where the client searches: else it is dropped
    **dict.fromkeys(get_args(HostedTool), Fate.DROPPED),
}
"""The types of the tools. A dropped one is refused where ``tool_choice`` insists on it."""
