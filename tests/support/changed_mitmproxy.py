"""A script for mitmproxy: the addon, on a mitmproxy whose internals are not what it knows."""

from mitmproxy.addonmanager import Loader
from mitmproxy.proxy.layers.http import HttpStream

from addon.proxy import failover
from addon.proxy.addon import QwenProxy


class ChangedMitmproxy:
    """Comes first, and changes what the addon then finds; only in the process that loads it."""

    def load(self, _loader: Loader) -> None:
        """The addon looks when it is loaded."""
        failover.RELIED_ON = (*failover.RELIED_ON, (HttpStream, ("state_of_tomorrow",)))


addons = [ChangedMitmproxy(), QwenProxy()]
