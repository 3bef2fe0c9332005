"""A script for mitmproxy: the addon, on a mitmproxy whose internals are not what it knows."""

from mitmproxy.proxy.layers.http import HttpStream

from addon.proxy import failover
from addon.proxy.addon import QwenProxy

failover.RELIED_ON = (*failover.RELIED_ON, (HttpStream, ("state_of_tomorrow",)))
addons = [QwenProxy()]
