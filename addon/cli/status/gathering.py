"""What there is to know: from the accounts file, and from every proxy that runs on it.

The file knows what was written last, at most a second ago; a proxy that runs knows of its
requests under way too. Of several, the one that used an account last is believed about it.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from addon.accounts.running import Note
from addon.broker.desk import Desk
from addon.broker.status import AccountStatus, ProxyStatus, Standing
from addon.cli.accounts.file import AccountsFile
from addon.cli.running import running_proxies
from addon.cli.surroundings import Surroundings
from addon.oauth.own_page import OwnPages

_UNHEARD: Final = logging.NullHandler()
"""For what would be logged: it is told in the overview itself. One, however often one looks."""

_SERVES: Final = frozenset({Standing.READY, Standing.TIRED, Standing.HELD_BACK})


@dataclass(frozen=True, slots=True)
class Overview:
    """How everything is doing at one moment."""

    now_ms: int
    path: Path
    """The accounts file."""
    proxies: tuple[ProxyStatus, ...]
    silent: tuple[Note, ...]
    """Proxies that run here, and do not answer."""
    elsewhere: tuple[Note, ...]
    """Proxies on other machines, which cannot be asked from here."""
    accounts: tuple[AccountStatus, ...]
    """In file order."""
    faults: tuple[str, ...]
    """What is wrong with entries of the file, which are left out."""
    warnings: tuple[str, ...]
    """What else the user should know of the file."""

    @property
    def can_serve(self) -> bool:
        """Whether a request would find an account now."""
        return any(account.standing in _SERVES for account in self.accounts)


async def overview(around: Surroundings, pages: OwnPages | None = None) -> Overview:
    """What there is to know now; ``pages`` as for ``running_proxies``.

    Raises CommandFailed where the accounts file cannot be read.
    """
    settings, file = around.settings(), AccountsFile(around)
    logging.getLogger("addon").addHandler(_UNHEARD)
    snapshot = file.snapshot()
    now = around.clock()
    desk = Desk(settings, accounts_path=str(file.path), pid=0)
    desk.adopt(snapshot, file.store.states(), now)
    running = await running_proxies(file.path, pages)
    return Overview(
        now_ms=int(now * 1000),
        path=file.path,
        proxies=running.proxies,
        silent=running.silent,
        elsewhere=running.elsewhere,
        accounts=tuple(_joined(account, running.proxies) for account in desk.statuses(now)),
        faults=tuple(map(str, snapshot.faults)),
        warnings=snapshot.warnings,
    )


def _joined(on_disk: AccountStatus, proxies: Iterable[ProxyStatus]) -> AccountStatus:
    """What the file says of an account, and what the proxies know better."""
    told = [each for proxy in proxies for each in proxy.accounts if each.id == on_disk.id]
    if not told:
        return on_disk
    # of those that know no later use the first is believed: a proxy knows more than the file
    latest = max((*told, on_disk), key=lambda each: each.last_used_ms or 0)
    today = max((each.today for each in (*told, on_disk)), key=lambda day: day.requests)
    # who used it last keeps these, in its memory or in the file: others only hear of its use
    used_by = max((on_disk, latest), key=lambda each: each.last_used_ms or 0)
    return latest.model_copy(
        update={
            "in_flight": sum(each.in_flight for each in told),
            "today": today,
            "health": used_by.health,
            "bucket": used_by.bucket,
        }
    )
