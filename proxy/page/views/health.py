"""Health: can it serve, what is open, what prices, and who changed what."""

import os
from dataclasses import dataclass
from typing import Any

from starlette.responses import Response

from proxy.clock import now_us
from proxy.ledger.session import Session
from proxy.page.gate import View
from proxy.page.listing import OPEN
from proxy.page.render import render
from proxy.page.visit import Visit
from proxy.version import __version__

CHANGES = 30
OF_MONEY = frozenset({"corrections", "reconciliation"})  # the other tallies count fares


@dataclass(frozen=True, slots=True)
class Found:
    """What the ledger says of itself."""

    dialect: str
    open: dict[str, tuple[int, int, int]]  # state -> how many, micro-USD, the oldest's admission
    tallies: list[tuple[str, str, int]]
    changes: list[Any]
    clock_off_us: int


def _look(session: Session) -> Found:
    before = now_us()
    off = session.now_us() - (before + now_us()) // 2
    rows = session.rows(
        "SELECT state,count(*),sum(reserved_micros),min(admitted_us) FROM charges"  # noqa: S608
        f" WHERE {OPEN} GROUP BY state"
    )
    tallies = session.rows("SELECT name,label,value FROM tallies ORDER BY name,label")
    changes = session.rows(
        "SELECT at_us,actor,action,subject,why FROM audit ORDER BY id DESC LIMIT ?", (CHANGES,)
    )
    opened = {state: (int(n), int(micros), int(first)) for state, n, micros, first in rows}
    return Found(session.dialect, opened, tallies, changes, off)


async def health(visit: Visit) -> Response:
    """Show it."""
    desk = visit.desk
    found = await desk.reader.ask(_look)
    return render(
        visit, "health.html", found=found, broken=desk.fares.writer.broken,
        draining=desk.status.draining, price=desk.prices.at(now_us()), settings=desk.settings,
        version=__version__, pid=os.getpid(), refused=desk.refused, of_money=OF_MONEY,
    )  # fmt: skip


VIEWS = (View("GET", "/health", "admin", health),)
