"""A conversation reads the same whichever API it was held in, and whatever is missing of it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from addon.proxy.views.bounds import ROOM
from addon.proxy.views.conversation import written
from addon.proxy.views.dialogue import NoConversation, answer_in, request_in
from addon.translate import (
    PROFILES,
    Recollection,
    ResponseRenderer,
    StreamTranslator,
    parse_request,
)
from tests.support.chat import ToolCall, Usage, call_stream, completion, events

PNG: Final = "data:image/png;base64," + "A" * 2000
INPUT: Final[list[dict[str, Any]]] = [
    {"role": "system", "content": "Be brief."},
    {
        "role": "user",
        "content": [
            {"type": "input_text", "text": "What is this?"},
            {"type": "input_image", "image_url": PNG},
            {"type": "input_file", "file_data": PNG, "filename": "a.png"},
        ],
    },
    {"type": "reasoning", "summary": [{"type": "summary_text", "text": "Let me see."}]},
    {"type": "message", "role": "assistant", "content": "I look."},
    {"type": "function_call", "call_id": "c1", "name": "look", "arguments": '{"at":{"x":1}}'},
    {"type": "function_call_output", "call_id": "c1", "output": "A cat.\n"},
    {"role": "user", "content": "Thanks."},
]
TOOLS: Final = [{"type": "function", "name": "look", "parameters": {"type": "object"}}]
REQUEST: Final = {"model": "m", "input": INPUT, "tools": TOOLS, "stream": True, "temperature": 0.5}
READS: Final = """
── system ──
Be brief.

── user ──
What is this?
[image, image/png, 1.5 kB]
[file, a.png, image/png, 1.5 kB]

── assistant ──
[reasoning]
  Let me see.
I look.
[call] look · c1
  {
    "at": {
      "x": 1
    }
  }

── tool · c1 ──
A cat.

── user ──
Thanks."""

CALL: Final = ToolCall("c1", "look", '{"at":{"x":1}}')
ANSWER: Final = """
── assistant ──
[reasoning]
  Hm. 🐈
[call] look · c1
  {
    "at": {
      "x": 1
    }
  }

"""


def request_reads(body: object) -> str:
    return written(request_in(json.dumps(body).encode(), is_cut=False))


def answer_reads(body: bytes, *, is_cut: bool = False) -> str:
    return written(answer_in(body, is_cut=is_cut))


def as_responses(stream: Sequence[bytes]) -> bytes:
    request = parse_request(json.dumps(REQUEST).encode(), Recollection())
    translator = StreamTranslator(
        ResponseRenderer(request.shape, "resp_1", 1), "x", "", request.answer
    )
    return b"".join(translator.feed(piece, 1.0) for piece in stream) + translator.finish(1.0)


def test_a_request_of_the_responses_api() -> None:
    facts, _, turns = request_reads(REQUEST).partition("\n\n")
    assert f"\n{turns}" == READS
    assert facts.split("\n") == [
        "Responses API, model m, 7 items",
        "Tools (1): look",
        "Settings: stream true, temperature 0.5",
    ]


def test_the_same_request_in_chat_completions() -> None:
    request = parse_request(json.dumps(REQUEST).encode(), Recollection())
    body = json.loads(request.render("m", PROFILES["deepseek"]))
    facts, _, turns = request_reads(body).partition("\n\n")
    assert f"\n{turns}" == READS
    assert facts.startswith("Chat Completions, model m, 5 messages\nTools (1): look\nSettings: ")


def test_a_text_as_input_and_instructions() -> None:
    reads = request_reads({"model": "m", "input": "Hi", "instructions": "Be kind."})
    assert reads.endswith("\n\n── instructions ──\nBe kind.\n\n── user ──\nHi")


CHAT_STREAM: Final = events(call_stream(CALL, reasoning="Hm. 🐈", usage=Usage(100, 20, 40, 5)))
CHAT_WHOLE: Final = json.dumps(
    completion(calls=[CALL], reasoning="Hm. 🐈", usage=Usage(100, 20, 40, 5))
).encode()


@pytest.mark.parametrize(
    ("body", "ending"),
    [
        (b"".join(CHAT_STREAM), "finish_reason tool_calls"),
        (CHAT_WHOLE, "finish_reason tool_calls"),
        (as_responses(CHAT_STREAM), "status completed"),
    ],
    ids=["chat, streamed", "chat, whole", "responses, streamed"],
)
def test_an_answer_reads_the_same_in_each_form(body: bytes, ending: str) -> None:
    facts, _, turns = answer_reads(body).partition("\n\n")
    assert f"\n{turns}" == f"{ANSWER}── {ending} ──"
    assert facts.endswith("\n100 tokens in (40 cached), 20 out (5 reasoning)")


@pytest.mark.parametrize("form", ["chat", "responses"])
def test_a_stream_that_was_cut_reads_as_far_as_it_goes(form: str) -> None:
    whole = b"".join(CHAT_STREAM) if form == "chat" else as_responses(CHAT_STREAM)
    seen = set()
    for end in range(0, len(whole), 7):
        try:
            seen |= {*answer_reads(whole[:end], is_cut=True).split("\n")}
        except NoConversation:
            continue
    assert {"[reasoning]", "  Hm", "[call] look · c1", '    "at": {'} & seen == {
        "[reasoning]",
        "[call] look · c1",
        '    "at": {',
    }


def test_halves_of_a_character_are_joined() -> None:
    halves = [
        b'{"choices":[{"delta":{"content":"\\ud83d"}}]}',
        b'{"choices":[{"delta":{"content":"\\udc08"}}]}',
    ]
    stream = b"".join(b"data: " + half + b"\n\n" for half in halves)
    assert "🐈" in answer_reads(stream)


def test_calls_without_a_number_are_told_apart() -> None:
    pieces = [("c1", "look", '{"a":'), ("", "", "1}"), ("c2", "see", "{}")]
    stream = b"".join(
        events(
            [
                {
                    "choices": [
                        {
                            "delta": {
                                "tool_calls": [{"id": i, "function": {"name": n, "arguments": a}}]
                            }
                        }
                    ]
                }
                for i, n, a in pieces
            ]
        )
    )
    reads = answer_reads(stream)
    assert '[call] look · c1\n  {\n    "a": 1\n  }\n[call] see · c2\n  {}' in reads


@pytest.mark.parametrize(
    ("item", "reads"),
    [
        ({"type": "custom_tool_call", "call_id": "c", "name": "patch", "input": "*** A\n+x"},
         "[call] patch · c\n  *** A\n  +x"),
        ({"type": "function_call", "call_id": "c", "namespace": "mcp", "name": "run"},
         "[call] mcp.run · c"),
        ({"type": "shell_call", "call_id": "c", "action": {"commands": ["ls"]}},
         '[call] shell · c\n  {\n    "commands": [\n      "ls"\n    ]\n  }'),
        ({"type": "shell_call_output", "call_id": "c", "output": [{"stdout": "a", "stderr": "b"}]},
         "── tool · c ──\nab"),
        ({"type": "tool_search_output", "call_id": "c", "tools": [{"type": "custom", "name": "f"}]},
         "[found: f]"),
        ({"type": "reasoning", "summary": [], "encrypted_content": "x" * 1200},
         "[sealed reasoning, 1.2 kB]"),
        ({"type": "item_reference", "id": "msg_1"}, '{"type":"item_reference","id":"msg_1"}'),
        ({"role": "user", "content": [{"type": "input_audio",
          "input_audio": {"data": "A" * 400, "format": "wav"}}]}, "[audio, wav, 300 bytes]"),
        ({"role": "user", "content": [{"type": "input_image", "image_url": "https://a.b/c.png"}]},
         "[image, https://a.b/c.png]"),
        ({"role": "assistant", "content": [{"type": "refusal", "refusal": "No."}]},
         "── assistant ──\nNo."),
        ({"role": "user", "content": [{"type": "hologram", "x": 1}]}, '{"type":"hologram","x":1}'),
    ],
)  # fmt: skip
def test_items_of_every_kind(item: dict[str, Any], reads: str) -> None:
    assert reads in request_reads({"model": "m", "input": [item]})


@pytest.mark.parametrize(
    ("body", "ending"),
    [
        ({"error": {"code": "rate_limit_exceeded", "message": "Slow down."}},
         "── error: rate_limit_exceeded: Slow down. ──"),
        ({"output": [], "status": "incomplete", "incomplete_details": {"reason": "max_tokens"}},
         "── status incomplete: max_tokens ──"),
        ({"choices": [{"message": {"content": "Hi"}, "finish_reason": None}]},
         "── no finish_reason ──"),
    ],
)  # fmt: skip
def test_how_an_answer_ends(body: dict[str, Any], ending: str) -> None:
    assert answer_reads(json.dumps(body).encode()).endswith(ending)


def test_an_error_in_the_midst_of_a_stream_is_told() -> None:
    stream = [*CHAT_STREAM[:3], b'data: {"error": {"message": "Overloaded."}}\n\n']
    reads = answer_reads(b"".join(stream))
    assert "[reasoning]" in reads
    assert reads.endswith("── no finish_reason ──\n── error: Overloaded. ──")


def test_a_request_that_was_cut_reads_as_far_as_it_goes() -> None:
    body = json.dumps(REQUEST).encode()
    found = request_in(body[: body.index(b"I look") + 4], is_cut=True)
    assert written(found).endswith("[reasoning]\n  Let me see.\nI lo")


def test_of_a_long_conversation_the_beginning_and_the_end_are_shown() -> None:
    items = [{"role": "user", "content": f"message {n} " + "x" * 5000} for n in range(500)]
    reads = request_reads({"model": "m", "input": items})
    assert "message 0 " in reads
    assert "message 499 " in reads
    assert " left out …" in reads
    assert len(reads) < ROOM + 20_000


def test_a_long_text_is_shortened_in_its_midst() -> None:
    reads = request_reads({"model": "m", "input": "begin" + "x" * 100_000 + "end"})
    assert "begin" in reads
    assert reads.endswith("end")
    assert "80,008 characters left out" in reads


def test_a_body_with_very_many_values_is_read_in_part() -> None:
    item = b'{"role":"user","content":"Hi","x":[1,1,1,1,1,1,1,1]},'
    body = b'{"input":[' + item * 150_000 + b"{}]}"
    found = request_in(body, is_cut=False)
    assert 0 < found.unread < len(body)
    assert "Hi" in written(found)


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"null", b"{}", b"data: x\n\n", b"\xff", b"[" * 999]
)
def test_what_holds_no_conversation_says_so(body: bytes) -> None:
    for read in (request_in, answer_in):
        with pytest.raises(NoConversation):
            read(body, is_cut=False)


NAMES = st.sampled_from(
    [
        "messages",
        "input",
        "tools",
        "role",
        "content",
        "type",
        "text",
        "function",
        "name",
        "choices",
        "delta",
        "message",
        "tool_calls",
        "index",
        "id",
        "arguments",
        "usage",
        "output",
        "status",
        "error",
        "item",
        "response",
        "output_index",
        "image_url",
        "url",
        "instructions",
        "reasoning_content",
        "prompt_tokens",
        "input_tokens",
        "call_id",
        "summary",
    ]
)
KINDS = st.sampled_from(
    [
        "message",
        "reasoning",
        "function_call",
        "function_call_output",
        "shell_call_output",
        "tool_search_output",
        "text",
        "image_url",
        "input_image",
        "input_file",
        "file",
        "input_audio",
        "response.output_text.delta",
        "response.output_item.added",
        "response.completed",
        "error",
    ]
)
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | KINDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=5),
    max_leaves=20,
)
OBJECTS = st.dictionaries(NAMES, ANYTHING, max_size=6)


@given(OBJECTS, st.lists(OBJECTS, max_size=3))
def test_anything_in_any_place_is_read(body: dict[str, Any], chunks: list[dict[str, Any]]) -> None:
    whole = json.dumps(body).encode()
    stream = b"".join(events([body, *chunks]))
    for read, data in ((request_in, whole), (answer_in, whole), (answer_in, stream)):
        try:
            written(read(data, is_cut=False))
        except NoConversation:
            continue


@given(OBJECTS)
def test_an_item_may_be_anything(item: dict[str, Any]) -> None:
    for key in ("input", "messages"):
        request_reads({key: [item, [item], None]})
