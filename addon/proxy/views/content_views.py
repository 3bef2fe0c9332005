"""The three views of a message, as texts: what a person reads in mitmweb and in the console.

    qwen conversation   who said what: roles, texts, calls, reasoning, usage, how it ended
    qwen client         the message as the client sent it, or got it
    qwen upstream       the message as the upstream got it, or sent it

Where a body is not there, or not whole, a line says why. Nothing here knows how mitmproxy asks
for a view.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from addon.proxy.views.body_text import body_text
from addon.proxy.views.bounds import human_size
from addon.proxy.views.conversation import written
from addon.proxy.views.dialogue import NoConversation, answer_in, request_in
from addon.proxy.views.record import Absence, Record
from addon.proxy.views.turns import Conversation, name_of, text_of, usage_line
from addon.translate.json_edge import mend_surrogates

logger: Final = logging.getLogger(__name__)

CONVERSATION: Final = "qwen conversation"

_WHY_NOT: Final[Mapping[Absence, str]] = {
    "off": "Not kept: inspect_body_limit is 0.",
    "given up": "Given up, for newer ones or by a smaller limit: see inspect_total_limit.",
    "token": "Not kept: it repeats the account's token in pieces.",
}


@dataclass(frozen=True, slots=True)
class Message:
    """A request or an answer that a person wants to see, and what is known of its exchange."""

    is_request: bool
    content: bytes
    """What mitmproxy has of it; while it passes, what has passed so far."""
    record: Record | None = None
    """None: it is none of ours."""
    attempts: Sequence[Mapping[str, Any]] = ()
    """Those that were refused, as ``RefusedAttempt`` has them."""
    is_under_way: bool = False
    is_edited: bool = False
    """Whether somebody has changed ``content`` since the exchange was over."""


@dataclass(frozen=True, slots=True)
class _Body:
    """A body, or what there is of it."""

    data: bytes
    lost: int = 0
    """Bytes that were not kept."""
    absence: Absence | None = None

    @property
    def is_whole(self) -> bool:
        return not self.lost and self.absence is None

    def notes(self) -> Iterator[str]:
        """Why it is not whole."""
        if self.absence is not None:
            yield _WHY_NOT[self.absence]
        elif self.lost:
            there_were = human_size(len(self.data) + self.lost)
            kept = human_size(len(self.data))
            yield f"Cut: of {there_were} the first {kept} are kept, see inspect_body_limit."

    def text(self) -> str:
        """As far as it is there."""
        return "" if self.absence is not None else body_text(self.data, is_cut=bool(self.lost))


def client(message: Message) -> str:
    """As the client sent it, or got it."""
    body = _clients(message)
    return _paragraphs(_notes(message, body), body.text())


def upstream(message: Message) -> str:
    """As the upstream got it, or sent it."""
    record = message.record
    if message.is_request and record is not None and not record.was_sent:
        return _paragraphs(["No upstream was asked."])
    refused = [] if message.is_request else [*map(_refused_with_body, message.attempts)]
    if not message.is_request and record is not None and record.refused is not None:
        return _paragraphs([f"No upstream served it: {record.refused}"], *refused)
    body = _upstreams(message)
    return _paragraphs(_notes(message, body), *refused, body.text())


def conversation(message: Message) -> str:
    """As a conversation."""
    body, found = _conversation_in(message)
    notes = [*_notes(message, body)]
    if isinstance(found, NoConversation):
        if body.data:
            notes.append(f"No conversation: {found}")
        told = [] if message.is_request else [*_before(message), *_ending(message)]
        return _paragraphs(notes, "\n".join(told), body.text())
    if found.unread:
        notes.append(f"Large: the last {human_size(found.unread)} were not read.")
    if message.is_request:
        return _paragraphs(notes, written(found))
    usage = [] if any("tokens in" in fact for fact in found.facts) else [*_usage(message)]
    facts = [*found.facts, *usage, *_before(message)]
    ending = [*found.ending, *_ending(message)]
    return _paragraphs(notes, written(replace(found, facts=facts, ending=ending)))


def _conversation_in(message: Message) -> tuple[_Body, Conversation | NoConversation]:
    """The body that tells most of it: the client's, or where that is cut the upstream's, terser."""
    clients, upstreams = _clients(message), _upstreams(message)
    if message.is_edited:  # whoever did it wants to see that
        clients = upstreams = _Body(message.content)
    read = request_in if message.is_request else answer_in
    none: list[tuple[_Body, NoConversation]] = []
    for body in (clients, upstreams) if clients.is_whole else (upstreams, clients):
        try:
            is_cut = bool(body.lost) or message.is_under_way
            return body, read(body.data, is_cut=is_cut)
        except NoConversation as why:
            none.append((body, why))
    return none[0]


VIEWS: Final[Mapping[str, Callable[[Message], str]]] = {
    "qwen client": client,
    CONVERSATION: conversation,
    "qwen upstream": upstream,
}


def shown(view: str, message: Message) -> str:
    """``message`` in the view of that name, whatever it holds."""
    try:
        text = VIEWS[view](message)
    except Exception as error:  # what is shown must not stop the proxy
        logger.debug("A message could not be shown.", exc_info=True)
        text = _paragraphs(
            [f"This could not be shown ({type(error).__name__}). As it is:"],
            body_text(message.content, is_cut=True),
        )
    try:
        text.encode()
    except UnicodeEncodeError:
        return mend_surrogates(text)
    return text


def _clients(message: Message) -> _Body:
    record, content = message.record, message.content
    if record is None:
        return _Body(content)
    if not message.is_request:
        return _answer(message, record)
    if not record.is_translated or not record.was_sent:
        return _Body(content)
    request = record.request or b""
    return _Body(request, record.request_size - len(request), record.absence)


def _upstreams(message: Message) -> _Body:
    record, content = message.record, message.content
    if record is None or message.is_request:
        return _Body(content)
    if not record.is_translated:
        return _answer(message, record)
    came = record.came or b""
    return _Body(came, record.came_size - len(came), record.absence)


def _answer(message: Message, record: Record) -> _Body:
    """What the client got; where it did not pass as it came, mitmproxy has it whole."""
    content = message.content
    if message.is_edited or not record.is_streamed:
        return _Body(content)
    absence = record.absence if not content else None  # it may be kept by mitmproxy too
    return _Body(content, max(0, record.went_size - len(content)), absence)


def _notes(message: Message, body: _Body) -> Iterator[str]:
    if message.record is None:
        yield "No exchange of this proxy's: the message as it is."
    if message.is_under_way:
        yield "Under way: what there is so far."
    if message.is_edited and body.data is message.content:
        yield "Edited: this is not what passed."
    yield from body.notes()


def _before(message: Message) -> Iterator[str]:
    """The attempts that were refused, one line each."""
    for number, attempt in enumerate(message.attempts, 1):
        yield f"{number}. {_refused(attempt)}"


def _refused(attempt: Mapping[str, Any]) -> str:
    account, host = name_of(attempt.get("account")), name_of(attempt.get("host"))
    status = "failed" if attempt.get("status") is None else f"refused with {attempt['status']}"
    code = f" {name_of(attempt['code'])}" if attempt.get("code") else ""
    seconds = attempt.get("seconds")
    after = f" after {seconds:.2f} s" if isinstance(seconds, int | float) else ""
    return f"{account} at {host} {status}{code}{after}: {text_of(attempt.get('reason'))}"


def _refused_with_body(attempt: Mapping[str, Any]) -> str:
    body = text_of(attempt.get("body"))
    return f"── {_refused(attempt)} ──\n{body_text(body.encode('utf-8', 'replace'), is_cut=True)}"


def _usage(message: Message) -> Iterator[str]:
    if message.record is not None and message.record.usage is not None:
        yield usage_line(message.record.usage)


def _ending(message: Message) -> Iterator[str]:
    """How the exchange ended, where the answer does not say it."""
    record = message.record
    if record is None:
        return
    if record.cut is not None:
        yield f"cut: {record.cut}"
    if record.client_left:
        yield "the client left before the end"


def _paragraphs(notes: Iterator[str] | Sequence[str], *texts: str) -> str:
    """``notes``, one a line and marked as ours, and what they are about."""
    head = "\n".join(f"# {note}" for note in notes)
    return "\n\n".join(paragraph for paragraph in (head, *texts) if paragraph)
