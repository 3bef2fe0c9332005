"""Joins pool, store and refresh: acquire an account for a request, settle what became of it.

- ``broker``        the calls
- ``lease``         what a request holds meanwhile
- ``desk``          seats on accounts: chosen, taken, settled
- ``line``          the requests that wait for one
- ``renewal``       tokens kept fresh
- ``sign_in``       accounts signed in while the proxy runs
- ``token_server``  where they are renewed, if it can be reached
- ``statistics``    what the pool knows, as changes of what the store has
- ``write_behind``  these changes on their way to disk
- ``policy``        the settings, in the terms of the rooms below
- ``refusals``      why there is no account, in words
- ``surroundings``  time and chance
- ``startup``       all of it over the user's own file

What ``proxy/`` may know of accounts and rotation is what this room hands out. The
broker knows nothing of mitmproxy.
"""

from addon.broker.broker import Broker, NotDone
from addon.broker.lease import Lease, LeaseNotOpen
from addon.rotation.decision import Needs
from addon.rotation.limits import UpstreamLimits, read_limits
from addon.rotation.outcome import (
    ClientGone,
    Cut,
    Declined,
    Failed,
    LimitKind,
    Outcome,
    RateLimited,
    RequestRefused,
    Served,
    Unauthorized,
    Usage,
)
from addon.rotation.pool import AccountView
from addon.rotation.refusals import Refused, outcome_of

__all__ = [
    "AccountView",
    "Broker",
    "ClientGone",
    "Cut",
    "Declined",
    "Failed",
    "Lease",
    "LeaseNotOpen",
    "LimitKind",
    "Needs",
    "NotDone",
    "Outcome",
    "RateLimited",
    "Refused",
    "RequestRefused",
    "Served",
    "Unauthorized",
    "UpstreamLimits",
    "Usage",
    "outcome_of",
    "read_limits",
]
