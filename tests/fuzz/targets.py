"""What is tried, on any bytes: each raises AssertionError where a promise is broken.

Any other exception is a broken promise too: but for ApiError the translators raise none.
"""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import Any, Final

from addon.errors import ApiError
from addon.sandbox.checks import Violation
from addon.sandbox.strict import validate
from addon.translate import (
    PROFILES,
    CodingError,
    CostReader,
    OpeningCheck,
    Recollection,
    ResponseRenderer,
    StreamTranslator,
    TooLongError,
    decoded,
    decoder,
    parse_request,
    profile_named,
    read_error_body,
    retry_after_seconds,
    translate_completion,
)
from addon.translate.profile import NEVER_CALLED
from addon.translate.reasoning import ReasoningMemory
from addon.translate.sealing import KEY_BYTES, Seal
from addon.translate.tool_names import ToolId, ToolKind
from tests.fuzz.mutation import mutated_json, mutated_stream, words_in
from tests.fuzz.seeds import ERRORS, REQUESTS, STREAMED, WHOLE
from tests.support.openai_types import response_faults
from tests.support.oracle import check_stream
from tests.support.translation import NOW, fed, translator, values

Mutate = Callable[[bytes, int, Sequence[Any]], bytes]


@dataclass(frozen=True, slots=True)
class Target:
    """One kind of input, and what holds for every one of it."""

    check: Callable[[bytes], None]
    seeds: Sequence[bytes]
    mutate: Callable[[bytes, int], bytes]
    """A seed and what is random → an input like it."""


# --- requests

_STRICT: Final = frozenset(("model-studio", "coding-plan", "qwen-portal"))
"""Profiles whose service the sandbox plays."""

_OURS: Final = re.compile(r"(messages|tools|tool_choice)($|[.[])")
_SAID: Final = re.compile(r"\bparameters\b|\burl$")

_REPEATED: Final = re.compile(r"(tools|tool_choice|text\.format)\.|[a-z_.]+: Input should be '")
"""What the answer repeats just as it came: words and fields that are new may be known upstream."""

_SEAL: Final = Seal(bytes(range(KEY_BYTES)))


def _is_of_our_making(fault: Violation) -> bool:
    """Whether it is no fault of the client's, to be told in the service's own words."""
    param = fault.param or ""
    return bool(_OURS.match(param)) and not _SAID.search(param)


def _check_refusal(error: ApiError) -> None:
    assert error.status == HTTPStatus.BAD_REQUEST, error
    assert error.code in ("invalid_request", "unsupported_parameter"), error
    assert error.message
    error.message.encode()


def check_request(body: bytes) -> None:
    """A request is refused in the documented way, or carried to whatever service there is."""
    memory = ReasoningMemory()
    memory.remember([("a", "read", '{"a": 1}')], "hm")
    try:
        request = parse_request(body, Recollection(_SEAL, memory))
    except ApiError as error:
        _check_refusal(error)
        return
    for name in PROFILES:
        profile = profile_named(name)
        chat = json.loads(request.render("qwen3-coder-plus", profile))
        request.notes_for(profile)
        faults = validate(chat) if name in _STRICT else []
        faults = [fault for fault in faults if _is_of_our_making(fault)]
        assert not faults, (name, faults, chat)
    shown = ResponseRenderer(request.shape, "resp_1", 1).render("in_progress")
    wrong = [f for f in response_faults(json.loads(shown)) if not _REPEATED.match(f)]
    assert not wrong, (wrong, shown)


# --- answers

_TOOLS: Final = (
    ToolId(ToolKind.CUSTOM, "run"),
    ToolId(ToolKind.SHELL, "shell"),
    ToolId(ToolKind.LOCAL_SHELL, "local_shell"),
    ToolId(ToolKind.APPLY_PATCH, "apply_patch"),
    ToolId(ToolKind.TOOL_SEARCH, "tool_search"),
    ToolId(ToolKind.FUNCTION, "send", "mail"),
    ToolId(ToolKind.CUSTOM, "write"),
)


def _machine(kind: int) -> StreamTranslator:
    return translator(
        *(_TOOLS[:-1] if kind & 1 else _TOOLS),
        wants_logprobs=bool(kind & 2),
        wants_sealed_reasoning=bool(kind & 4),
        reasoning=Recollection(_SEAL, ReasoningMemory()),
        secret="sk-secret" if kind & 8 else "",
    )


def _reads(raw: bytes, way: int) -> list[bytes]:
    """``raw`` as it may come: an event a read, or in pieces of any one length."""
    if way % 2:
        length = 1 + (way >> 1) % 61
        return [raw[start : start + length] for start in range(0, len(raw), length)]
    ends = raw.split(b"\n\n")
    return [event + b"\n\n" for event in ends[:-1]] + [ends[-1]]


def check_streamed(raw: bytes) -> None:
    """A stream of any kind makes a stream by the rules, the same however it is cut to reads."""
    kind = zlib.crc32(raw)
    whole = values(fed(_machine(kind), [raw]))
    checked = fed(_machine(kind), _reads(raw, kind >> 8))
    check_stream(checked)
    assert values(checked) == whole, f"{whole}\nbut cut to reads\n{values(checked)}"
    machine = _machine(kind)
    reads = _reads(raw, kind >> 16)
    told = b"".join(machine.feed(read, NOW) for read in reads[: (kind >> 4) % (len(reads) + 1)])
    check_stream(told + machine.abort("cut", NOW))
    _look_at_its_opening(reads)


def _look_at_its_opening(reads: Sequence[bytes]) -> None:
    check = OpeningCheck()
    if not any(check.feed(read) for read in reads):
        check.finish()
    cost = CostReader("")
    for read in reads:
        cost.feed(read)
    cost.finish()


def check_whole(body: bytes) -> None:
    """An answer in one piece, of any kind, is an answer by the rules or an error."""
    with suppress(ApiError):
        check_stream(translate_completion(body, _machine(zlib.crc32(body)), NOW))


def check_error(body: bytes) -> None:
    """Whatever a refusal holds, there are words to be shown."""
    error = read_error_body(body, 400 + zlib.crc32(body) % 200)
    assert error.message
    error.message.encode()
    retry_after_seconds({"retry-after": body[:30].decode("latin-1")}, NOW)


_CODINGS: Final = ("gzip", "deflate", "br", "zstd", "gzip, zstd", "identity", "x")
_MOST: Final = 1 << 20


def check_coded(body: bytes) -> None:
    """A body in any content coding is decoded within a limit, or refused."""
    coding = _CODINGS[zlib.crc32(body) % len(_CODINGS)]
    with suppress(CodingError, TooLongError):
        assert len(decoded(body, coding, _MOST)) <= _MOST
    with suppress(CodingError):
        decode = decoder(coding)
        for read in _reads(body, 7):
            if decode is not None:
                decode(read)


def _coded() -> list[bytes]:
    plain = b"data: {}\n\n" * 40
    packing = zlib.compressobj(wbits=31)
    return [
        plain,
        zlib.compress(plain),
        packing.compress(plain) + packing.flush(),
        b"\x28\xb5\x2f\xfd",
    ]


def _of(mutate: Mutate, words: Sequence[Any]) -> Callable[[bytes, int], bytes]:
    return partial(_with_words, mutate, words)


def _with_words(mutate: Mutate, words: Sequence[Any], data: bytes, seed: int) -> bytes:
    return mutate(data, seed, words)


_ANSWERS: Final = [*words_in(WHOLE), NEVER_CALLED, "run", "shell", "mail__send", "sk-secret"]

TARGETS: Final = {
    "requests": Target(check_request, REQUESTS, _of(mutated_json, words_in(REQUESTS))),
    "streams": Target(check_streamed, STREAMED, _of(mutated_stream, _ANSWERS)),
    "answers": Target(check_whole, WHOLE, _of(mutated_json, _ANSWERS)),
    "refusals": Target(check_error, ERRORS, _of(mutated_json, words_in(ERRORS[:6]))),
    "codings": Target(check_coded, _coded(), _of(mutated_stream, ())),
}
