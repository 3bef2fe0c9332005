"""The mitmproxy addon: hooks that tell the story of a request. The work is done elsewhere.

requestheaders    is it ours? may this client?            routing, guard
request           what does it want?                      translate
                  an account for it                       broker.acquire
                  and off to that account's service       upstream
(failover holds the answer back until it is known to be one)
upstream_refused  it is none: what the client reads       verdict
responseheaders   the stream begins                       answer
response, error   the end: the lease is settled           broker.settle, record
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Final

from mitmproxy import ctx, exceptions, http
from mitmproxy.addonmanager import Loader
from mitmproxy.connection import Client

from addon.broker import Broker, ClientGone, Cut, Needs, Outcome
from addon.broker.presence import Presence
from addon.broker.startup import open_broker
from addon.broker.status import ProxyStatus
from addon.errors import ApiError, internal_error
from addon.proxy import failover, fallback
from addon.proxy.answer import begin_stream, error_response, hand_on, mask_token
from addon.proxy.client_process import ClientProcesses
from addon.proxy.collector import spare_collector
from addon.proxy.connections import ConnectionPolicy
from addon.proxy.exchange import Exchange, ExchangeBook
from addon.proxy.flow_list import show_comments
from addon.proxy.guard import check_client, check_head
from addon.proxy.intake import understand
from addon.proxy.inward import Inward
from addon.proxy.leasing import first_lease, next_lease, settle
from addon.proxy.left_open import LeftOpen
from addon.proxy.lingering import Lingering
from addon.proxy.listeners import watch_listeners
from addon.proxy.masking import TokenFilter
from addon.proxy.models import name_models
from addon.proxy.options import add_options, read_options, stop_the_start
from addon.proxy.pages import OwnPages, is_own_page
from addon.proxy.passed_on import PassedOn
from addon.proxy.record import annotate, facts_of, log_line
from addon.proxy.routing import host_of, is_reverse, is_sent_again, our_hosts, route_of
from addon.proxy.timeouts import ConnectTimeout, Timeouts
from addon.proxy.upstream import point_at
from addon.proxy.verdict import judge, may_stand, outcome_translated, outcome_untouched
from addon.proxy.views.keeping import KEEPING
from addon.settings import Settings, SettingsError, load_settings, project_warnings

logger: Final = logging.getLogger(__name__)


class QwenProxy:
    """Serves Responses requests from the user's own accounts."""

    def __init__(self) -> None:
        self._base = Settings()
        """What files and environment say; the options stand above it."""
        self._settings = Settings()
        self._broker: Broker | None = None
        self._exchanges = ExchangeBook()
        self._keeping = KEEPING
        self._processes = ClientProcesses()
        self._can_resend = True
        self._presence = Presence(os.environ)
        self.own_pages = OwnPages(self, is_kept_from_hooks=lambda: self._can_resend)
        self.addons = [
            self.own_pages,
            PassedOn(self._is_passed_on, lambda: self._settings),
            Inward(self._exchanges.is_on_its_way),
            LeftOpen(),
        ]
        """mitmproxy calls them after this one."""
        self._uninstall: list[Callable[[], None]] = []
        self._uninstall_at_end: list[Callable[[], None]] = []
        """What requests under way need, for as long as there are any."""

    # --- coming and going

    def load(self, loader: Loader) -> None:
        """Reads the settings, offers them as options, puts the stream class in place."""
        try:
            self._base = load_settings(os.environ, Path.cwd())
        except SettingsError as error:
            stop_the_start(error)
        for warning in project_warnings(Path.cwd()):
            logger.warning(warning)
        add_options(loader, self._base)
        # It tells of every renewal at the level of our own lines.
        logging.getLogger("httpx").setLevel(logging.WARNING)
        self._uninstall = [
            self._install_stream_class(),
            ConnectionPolicy(self.is_our_host).install(),
        ]
        self._uninstall_at_end = [
            ConnectTimeout(self._exchanges, lambda: self.timeouts.connect).install(),
            TokenFilter(self._exchanges.tokens).install(),
        ]

    def _install_stream_class(self) -> Callable[[], None]:
        """Puts it in place, where this mitmproxy is one that it fits."""
        missing = failover.missing_internals()
        if missing:
            self._can_resend = False
            logger.warning(
                "This mitmproxy has changed inside (%s): each request is tried on one account "
                "only. Please update opencode-qwen-proxy; till then start with --set "
                "connection_strategy=lazy.",
                ", ".join(missing),
            )
            return lambda: None
        return failover.install(self)

    def configure(self, updated: set[str]) -> None:
        """Takes the options over, at the start and whenever one changes."""
        if not any(name.startswith("qwen_") for name in updated):
            return
        try:
            settings = read_options(self._base, ctx.options)
        except SettingsError as error:
            if self._broker is not None:
                raise exceptions.OptionsError(str(error)) from None
            stop_the_start(error)
            return
        self._settings = settings
        self._keeping.configure(settings)
        if self._broker is None:
            self._broker = open_broker(settings, os.environ)
        else:
            self._broker.reconfigure(settings)

    def running(self) -> None:
        """Begins to renew tokens ahead of need, and makes itself known."""
        if self._broker is None:
            return
        self._broker.start()
        self._uninstall.append(spare_collector())
        self._uninstall += [watch_listeners(self._presence.announce), self._presence.withdraw]
        show_comments()

    def done(self) -> Awaitable[None] | None:
        """Gives mitmproxy its own classes back; where only the script is loaded again, stays on.

        What it gives is awaited at the end, and goes on by itself where the script is loaded
        again: mitmproxy awaits nothing there.
        """
        for uninstall in self._uninstall:
            uninstall()
        if self.is_idle or not self._can_resend or ctx.master.should_exit.is_set():
            return self.end()
        ctx.master.addons.add(Lingering(self))
        return None

    @property
    def is_idle(self) -> bool:
        """Whether no request of ours is under way."""
        return not [*self._exchanges]

    def end(self) -> Awaitable[None] | None:
        """Settles what is still open."""
        for exchange in self._exchanges:
            self._settle(exchange, ClientGone())
            self._keeping.over(exchange)
            if not exchange.has_begun and exchange.flow.killable:
                # Nobody would be there to translate its answer.
                exchange.flow.kill()
        for uninstall in self._uninstall_at_end:
            uninstall()
        return asyncio.ensure_future(self._broker.stop()) if self._broker is not None else None

    # --- which connections and requests are ours

    def is_our_host(self, host: str) -> bool:
        """Whether requests to ``host`` are ours in the modes that name a host."""
        if self._broker is None:
            return False
        self._broker.reload()
        return host.lower() in our_hosts(self._settings, self._broker.base_urls())

    @property
    def max_request_bytes(self) -> int:
        """How long the body of a request may be."""
        return self._settings.max_request_bytes

    @property
    def timeouts(self) -> Timeouts:
        """The limits on one attempt."""
        return Timeouts.of(self._settings)

    def client_left(self, flow: http.HTTPFlow) -> None:
        """Frees what a request holds that still waits for an account, or for a connection."""
        exchange = self._exchanges.get(flow)
        if exchange is None:
            return
        exchange.client_left = True
        if exchange.acquiring is not None:
            exchange.acquiring.cancel()
        elif flow.response is None:
            self._close(flow)

    def exchange_of(self, flow: http.HTTPFlow) -> Exchange | None:
        """The exchange of one of our requests."""
        return self._exchanges.get(flow)

    def requestheaders(self, flow: http.HTTPFlow) -> None:
        """Opens an exchange for a request of ours."""
        if flow.response is not None or flow.error is not None:
            # Another addon has answered it (proxyauth asks for a password), or killed it.
            return
        route = route_of(flow.request) if self._is_for_a_service(flow) else None
        if route is None:
            return
        exchange = self._exchanges.open(flow, route)
        # Even if something went wrong later: the client's own key stays here.
        flow.request.headers.pop("authorization", None)
        # A body that is translated must be whole, whatever stream_large_bodies says.
        flow.request.stream = False
        try:
            check_head(flow)
            check_client(flow, self._settings)
        except ApiError as error:
            self._refuse(flow, exchange, error)

    def _is_for_a_service(self, flow: http.HTTPFlow) -> bool:
        """Whether a request is one to our services, with a token or without."""
        if not self._can_resend and is_own_page(flow):
            return False
        is_to_ours = is_reverse(flow.client_conn) or self.is_our_host(host_of(flow))
        return is_to_ours or is_sent_again(flow)

    def _is_passed_on(self, flow: http.HTTPFlow) -> bool:
        return self._exchanges.get(flow) is None and self._is_for_a_service(flow)

    def status(self) -> ProxyStatus:
        """How this proxy does. Raises ApiError where it did not come to be."""
        return self._presence.status(self.the_broker(), self._settings)

    # --- the way there

    async def request(self, flow: http.HTTPFlow) -> None:
        """Finds an account for the request, and sends it on its way."""
        exchange = self._exchanges.get(flow)
        if exchange is None or exchange.error is not None:
            return
        if flow.response is not None or flow.error is not None:
            self._exchanges.close(flow)
            return
        self._keeping.begin(exchange)
        try:
            understanding = self._understand(flow, exchange)
            exchange.needs = await exchange.unless_the_client_leaves(understanding)
            lease = await first_lease(self.the_broker(), exchange)
            point_at(flow, exchange, lease)
            if not self._can_resend:
                fallback.show_token(flow, lease)
                exchange.is_out = True
        except ApiError as error:
            self._refuse(flow, exchange, error)
        except Exception:
            logger.exception("A request could not be prepared.")
            self._refuse(flow, exchange, internal_error())

    async def _understand(self, flow: http.HTTPFlow, exchange: Exchange) -> Needs:
        """What the request needs of an account. Raises ApiError."""
        needs = await understand(flow, exchange, self.max_request_bytes)
        if not self._settings.pid_offset_enabled:
            return needs
        return replace(needs, pid=await self._processes.pid_of(flow.client_conn))

    def the_broker(self) -> Broker:
        """What lends the accounts. Raises ApiError where there is none."""
        if self._broker is None:
            raise internal_error()
        return self._broker

    # --- the way back

    async def upstream_refused(self, flow: http.HTTPFlow) -> None:
        """Has the request sent again on another account, or tells the client that none serves."""
        exchange = self._exchanges.get(flow)
        if exchange is None or exchange.refusal is None or exchange.lease is None:
            return
        verdict = judge(
            exchange.refusal,
            time.time(),
            model=exchange.model,
            upstream_model=exchange.lease.upstream_model,
        )
        try:
            lease = await next_lease(
                self.the_broker(),
                exchange,
                exchange.lease,
                verdict,
                max_failures=self._settings.max_attempts,
            )
        except ApiError as error:
            if name_models(flow, exchange, self.the_broker().models()):
                return
            if error is not verdict.error or not may_stand(flow.response, exchange):
                self._refuse(flow, exchange, error)
        except Exception:
            logger.exception("A refused request could not be sent again.")
            self._refuse(flow, exchange, internal_error())
        else:
            point_at(flow, exchange, lease)
            exchange.resend = True

    def responseheaders(self, flow: http.HTTPFlow) -> None:
        """Begins a translated stream, or hands an untouched answer on as it comes."""
        exchange = self._exchanges.get(flow)
        if exchange is None or not exchange.awaits_upstream or flow.response is None:
            return
        if not exchange.is_out:
            # Another addon has answered in the upstream's place, after us.
            self._close(flow)
            return
        if exchange.lease is not None and not exchange.is_settled:
            self.the_broker().observe(exchange.lease, flow.response.headers)
        if not self._can_resend and exchange.lease is not None:
            fallback.hide_token(flow, exchange.lease)
            fallback.begin(flow.response, exchange)
        if exchange.answer is not None:
            begin_stream(flow, exchange)
            if not self._can_resend:
                flow.response.stream = fallback.ending_with_its_body(exchange.answer)
        elif not exchange.route.is_translated:
            hand_on(flow, exchange)

    def response(self, flow: http.HTTPFlow) -> None:
        """The end of the answer: the lease is settled."""
        exchange = self._exchanges.get(flow)
        if exchange is None:
            return
        if exchange.awaits_upstream and exchange.route.is_translated:
            verdict = None if self._can_resend else fallback.finish(flow, exchange)
            if verdict is not None:
                self._settle(exchange, verdict.outcome)
                self._refuse(flow, exchange, verdict.error)
            self._settle(exchange, outcome_translated(exchange))
        elif exchange.awaits_upstream and flow.response is not None:
            mask_token(flow.response, exchange)
            if exchange.untouched is not None:
                exchange.usage = exchange.untouched.finish()
            self._settle(exchange, outcome_untouched(flow.response, time.time(), exchange.cost))
            name_models(flow, exchange, self.the_broker().models())
        self._close(flow)

    def error(self, flow: http.HTTPFlow) -> None:
        """The client left (nobody's account is charged), or an untouched answer was cut."""
        exchange = self._exchanges.get(flow)
        if exchange is not None:
            if not self._can_resend and exchange.lease is not None:
                fallback.hide_token(flow, exchange.lease)
            exchange.client_left = exchange.cut is None
            self._settle(exchange, Cut(exchange.cut) if exchange.cut else ClientGone())
            self._close(flow)

    def client_disconnected(self, client: Client) -> None:
        """Nothing of a client that is gone stays behind, where mitmproxy calls no other hook."""
        self._processes.forget(client)
        for exchange in self._exchanges:
            if exchange.flow.client_conn is client:
                exchange.client_left = True
                self._close(exchange.flow)

    # --- ends

    def _refuse(self, flow: http.HTTPFlow, exchange: Exchange, error: ApiError) -> None:
        exchange.error = error
        flow.response = error_response(error, exchange)

    def _settle(self, exchange: Exchange, outcome: Outcome) -> None:
        """Gives its lease back, if one is open."""
        if self._broker is not None:
            settle(self._broker, exchange, outcome)

    def _close(self, flow: http.HTTPFlow) -> None:
        exchange = self._exchanges.close(flow)
        if exchange is None:
            return
        # Whatever went wrong on the way: a lease is given back.
        self._settle(exchange, ClientGone())
        now = time.time()
        self.own_pages.note(flow, exchange, now)
        facts = facts_of(exchange, now)
        annotate(flow, exchange, facts)
        self._keeping.over(exchange)
        if not self._settings.quiet_mode:
            logger.info(log_line(flow, exchange, facts))
