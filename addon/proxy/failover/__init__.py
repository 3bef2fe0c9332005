"""The HTTP stream class that holds an upstream's answer back until it is known to be one.

All knowledge of mitmproxy's internals is in this room.

Theory of operation. mitmproxy handles each request in an ``HttpStream``, a
sans-I/O state machine: events come in, commands go out, each state is a method.
An addon's hook sees an answer only when its head is about to go to the client,
and sees a refused connection only as an error. So our subclass puts other states
where ``state_wait_for_response_headers`` would have gone on:

    the upstream                   next state                then
    answers anything but 200       state_consume_refusal     refused
    answers 200, a stream          state_hold_headers        the client's head and the stream,
                                                             or refused
    answers 200, in one piece      state_consume_answer      the client's answer, or refused
    cannot be reached, resets      handle_protocol_error     refused
    is silent before its answer    _watch (see clock)        refused
    is cut or silent in a stream   the same two              the stream's proper end

*Refused* runs a hook of our own, ``upstream_refused``: the addon either sets
``flow.response``, or points the flow at another account and asks for it to be
sent again, in the same stream, unseen by the client.

More things that have no hook. The token is put on the wire as the command that
sends the request's head passes by, on a copy: the flow keeps the masked one. A
client that leaves while the addon still waits for an account, or the stream for a
connection, is reported at once. An upstream's interim answers (1xx) and trailers are passed
over, and one whose head has no end is given up (``interim``).
Requests for the proxy's own pages are answered without any hook but one of our own: they
show nowhere. Such an answer may go on for as long as there is news (``own_page``). A request
whose body is too long is answered before that is read (``limited``).
And connections to our hosts are opened lazily, whatever ``connection_strategy`` says:
the host that the client names may be out of reach, or never needed.

A piece of a stream costs mitmproxy far more than it costs to translate it, so it takes the short
way: whole chunks are taken out of a read together (``chunks``), what one read brings is one
piece (``joining``), it is handed from the one connection straight to the other where nobody
between them has anything to say (``translating``), and written likewise (``framing``).
A short request costs mitmproxy most where it looks for hooks, in each addon for each of them:
those that have none are passed over (``dispatch``). Then where it checks types (``type_checks``).

The classes are put in place of mitmproxy's own when the addon loads, and taken
out when it unloads (``install``). ``missing_internals`` says whether they fit.
"""

from __future__ import annotations

from collections.abc import Callable

from mitmproxy import ctx
from mitmproxy.proxy import layers
from mitmproxy.proxy.layers import http as http_layers
from mitmproxy.proxy.layers.http import Http1Client, Http1Server, HttpStream
from mitmproxy.proxy.layers.modes import ReverseProxy

from addon.proxy.failover.dispatch import pass_over_the_uncalled
from addon.proxy.failover.framing import FramingHttp1Server
from addon.proxy.failover.interim import PatientHttp1Client
from addon.proxy.failover.policy import Feed, OwnPageHook, StreamPolicy, UpstreamRefusedHook
from addon.proxy.failover.reverse import LazyReverseProxy
from addon.proxy.failover.stream import AccountStream
from addon.proxy.failover.type_checks import check_the_usual_first

__all__ = [
    "Feed",
    "OwnPageHook",
    "StreamPolicy",
    "UpstreamRefusedHook",
    "install",
    "missing_internals",
]

RELIED_ON: tuple[tuple[type, tuple[str, ...]], ...] = (
    (
        HttpStream,
        (
            "_handle_event",
            "check_body_size",
            "check_invalid",
            "check_killed",
            "flow_done",
            "handle_connect_finish",
            "handle_connect_regular",
            "handle_event",
            "handle_protocol_error",
            "make_server_connection",
            "send_response",
            "state_consume_request_body",
            "state_done",
            "state_errored",
            "state_stream_response_body",
            "state_wait_for_request_headers",
            "state_wait_for_response_headers",
        ),
    ),
    (
        Http1Client,
        ("_handle_event", "done", "mark_done", "read_body", "read_headers", "response_done"),
    ),
    (Http1Server, ("send",)),
    (ReverseProxy, ("_handle_event", "finish_start")),
)
"""What of mitmproxy's internals is used or replaced here."""


def missing_internals() -> list[str]:
    """What this mitmproxy lacks of ``RELIED_ON``: with anything missing, do not install."""
    return [
        f"{owner.__name__}.{name}"
        for owner, names in RELIED_ON
        for name in names
        if not hasattr(owner, name)
    ]


def install(policy: StreamPolicy) -> Callable[[], None]:
    """Puts the classes in place of mitmproxy's own; the function it gives puts those back."""
    stream_class = http_layers.HttpStream
    client_class, server_class = http_layers.Http1Client, http_layers.Http1Server
    proxy_class = layers.modes.ReverseProxy

    class InstalledStream(AccountStream):
        pass

    InstalledStream.policy = policy
    http_layers.HttpStream = InstalledStream  # type: ignore[misc]
    http_layers.Http1Client = PatientHttp1Client  # type: ignore[misc]
    http_layers.Http1Server = FramingHttp1Server  # type: ignore[misc]
    layers.modes.ReverseProxy = LazyReverseProxy  # type: ignore[misc]
    quicker = pass_over_the_uncalled(ctx.master.addons), check_the_usual_first()

    def uninstall() -> None:
        for as_before in reversed(quicker):
            as_before()
        http_layers.HttpStream = stream_class  # type: ignore[misc]
        http_layers.Http1Client = client_class  # type: ignore[misc]
        http_layers.Http1Server = server_class  # type: ignore[misc]
        layers.modes.ReverseProxy = proxy_class  # type: ignore[misc]

    return uninstall
