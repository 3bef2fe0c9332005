"""Responses API ⇄ Chat Completions, as pure functions and one state machine.

The way there: ``parse_request`` → ``ResponsesRequest.render``. The way back:
``StreamTranslator`` for streams, ``translate_completion`` for answers in one
piece, ``read_error_body`` for refusals. Nothing here does I/O, reads a clock or
makes a random number: bytes, times and ids go in, bytes come out.
"""

from addon.translate.content_coding import CodingError, Decode, TooLongError, decoded, decoder
from addon.translate.cost import CostReader
from addon.translate.needs import AnswerNeeds
from addon.translate.opening import Opening, OpeningCheck
from addon.translate.profile import PROFILES, Profile, profile_for, profile_named
from addon.translate.reasoning import Recollection
from addon.translate.refusal import (
    UpstreamError,
    error_in,
    invalid_answer,
    read_error_body,
    retry_after_seconds,
    shortened,
)
from addon.translate.reply import translate_completion, whole_response
from addon.translate.request import ResponsesRequest, model_in, parse_request
from addon.translate.response import ResponseRenderer
from addon.translate.sse import ends_a_line
from addon.translate.stream import Ending, StreamTranslator
from addon.translate.usage import TokenUsage

__all__ = [
    "PROFILES",
    "AnswerNeeds",
    "CodingError",
    "CostReader",
    "Decode",
    "Ending",
    "Opening",
    "OpeningCheck",
    "Profile",
    "Recollection",
    "ResponseRenderer",
    "ResponsesRequest",
    "StreamTranslator",
    "TokenUsage",
    "TooLongError",
    "UpstreamError",
    "decoded",
    "decoder",
    "ends_a_line",
    "error_in",
    "invalid_answer",
    "model_in",
    "parse_request",
    "profile_for",
    "profile_named",
    "read_error_body",
    "retry_after_seconds",
    "shortened",
    "translate_completion",
    "whole_response",
]
