"""What the way back must know of the request, for the answer to suit it. Pure values."""

from __future__ import annotations

from dataclasses import dataclass, field

from addon.translate.tool_names import ToolNames


@dataclass(frozen=True, slots=True)
class AnswerNeeds:
    """What one request asks of its answer."""

    tools: ToolNames = field(default_factory=ToolNames)
    """Which of the client's tools a Chat function stands for."""
    wants_logprobs: bool = False
    """``include`` has ``message.output_text.logprobs``, or ``top_logprobs`` is above 0."""
    wants_sealed_reasoning: bool = False
    """``include`` has ``reasoning.encrypted_content``."""
