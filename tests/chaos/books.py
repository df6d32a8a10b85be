"""The ledger of a run, from beside the processes: its keys, and a watch over its balances."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

from proxy.ledger import registry
from proxy.ledger.schema import migrate, open_session
from proxy.ledger.session import LedgerFault
from proxy.ledger.store import Store
from tests.chaos.load import PRICE_MICROS, Deck
from tests.chaos.plan import Plan

KEYS_A_TEAM = 4


@dataclass
class Monitor:
    """Looks at the balances all the time: none may ever stand above its limit."""

    url: str
    limits: Mapping[str, int]
    samples: int = 0
    above: int = 0
    stopping: bool = False

    def watch(self) -> None:
        session = None
        while not self.stopping:
            try:
                session = session or open_session(self.url, read_only=True)
                self._look(session)
            except LedgerFault:
                session = None  # a backend was killed
            time.sleep(0.03)
        if session is not None:
            session.close()

    def _look(self, session: Any) -> None:
        found = session.rows(
            "SELECT scope,settled_micros+reserved_micros FROM balances WHERE \"window\"='day'"
        )
        self.samples += 1
        self.above += any(int(held) > self.limits.get(scope, held) for scope, held in found)


def furnish(url: str, plan: Plan) -> tuple[Deck, dict[str, int]]:
    """Make keys and teams with budgets; their secrets, and the limits by scope."""
    migrate(url)
    session = open_session(url)
    limits: dict[str, int] = {}
    key_limit = plan.limit_calls * PRICE_MICROS + PRICE_MICROS // 3

    def change(store: Store) -> list[list[str]]:
        groups = []
        for number in range(plan.groups):
            team = f"team-{number}"
            limits[f"team:{team}"] = key_limit * 7 // 2
            registry.set_team(team, {"daily_micros": limits[f"team:{team}"]}, actor="chaos")(store)
            groups.append([])
            for one in range(KEYS_A_TEAM):
                made = registry.create_key(
                    f"{team}-{one}", actor="chaos", team=team, daily_micros=key_limit
                )(store)
                limits[f"key:{made.key.id}"] = key_limit
                groups[-1].append(made.secret)
        return groups

    try:
        store = Store(session)
        store.open()
        return Deck(store.transact(change)), limits
    finally:
        session.close()


@contextlib.asynccontextmanager
async def watched(monitor: Monitor) -> AsyncIterator[None]:
    watching = asyncio.create_task(asyncio.to_thread(monitor.watch))
    try:
        yield
    finally:
        monitor.stopping = True
        await watching
