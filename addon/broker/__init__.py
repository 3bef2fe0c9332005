"""Joins pool and store into two calls: acquire an account for a request, settle what became of it.

What ``proxy/`` may know of accounts and rotation is what this room hands out. The
broker knows nothing of mitmproxy.
"""

from addon.broker.broker import Broker
from addon.broker.lease import Lease, LeaseNotOpen
from addon.rotation.decision import Needs
from addon.rotation.outcome import (
    ClientGone,
    Cut,
    Failed,
    Outcome,
    RateLimited,
    RequestRefused,
    Served,
    Unauthorized,
    Usage,
)
from addon.rotation.pool import AccountView

__all__ = [
    "AccountView",
    "Broker",
    "ClientGone",
    "Cut",
    "Failed",
    "Lease",
    "LeaseNotOpen",
    "Needs",
    "Outcome",
    "RateLimited",
    "RequestRefused",
    "Served",
    "Unauthorized",
    "Usage",
]
