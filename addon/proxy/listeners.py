"""Where mitmproxy listens, as it is now: it opens and closes listeners while it runs."""

from __future__ import annotations

from collections.abc import Callable

from mitmproxy import ctx

from addon.broker.status import Listener


def listeners() -> tuple[Listener, ...]:
    """Every address at which requests are taken, once: over TCP, and over QUIC too maybe."""
    server = ctx.master.addons.get("proxyserver")
    if server is None:
        return ()
    found = (
        Listener(mode=instance.mode.type_name, host=address[0], port=address[1])
        for instance in server.servers
        for address in instance.listen_addrs
    )
    return tuple(dict.fromkeys(found))


def watch_listeners(tell: Callable[[tuple[Listener, ...]], None]) -> Callable[[], None]:
    """Tells of the listeners now, and whenever they change; the function it gives ends that."""
    server = ctx.master.addons.get("proxyserver")
    if server is None:
        return lambda: None

    async def changed() -> None:
        tell(listeners())

    server.servers.changed.connect(changed)
    tell(listeners())
    return lambda: server.servers.changed.disconnect(changed)
