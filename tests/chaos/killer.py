"""Who kills: processes at random, their fuses in turn, and PostgreSQL's backends."""

import asyncio
import contextlib
import os
import random
import signal
import time
from collections import Counter
from dataclasses import dataclass, field

import psycopg

from proxy.ledger.postgres import libpq_url
from tests.chaos.fleet import Fleet
from tests.chaos.plan import Plan
from tests.chaos.points import POINTS

YOUNG_S, SPARED = 1.5, 0.9


@dataclass
class Killer:
    """Kills processes, and PostgreSQL's backends, until enough have died or time is up."""

    plan: Plan
    fleet: Fleet
    url: str
    chance: random.Random
    crashed: Counter[str] = field(default_factory=Counter)

    async def run(self, *, until: float) -> None:
        pace_s = self.plan.seconds / max(self.plan.kills, 1)
        strike_at = time.monotonic() + pace_s
        while time.monotonic() < until:
            for number in self.fleet.dead():
                self._start(number)
            if time.monotonic() >= strike_at and self._dead < self.plan.kills:
                strike_at += self.chance.uniform(0.5, 1.5) * pace_s
                await self._strike()
            await asyncio.sleep(0.02)

    @property
    def _dead(self) -> int:
        return sum(self.fleet.kills.values())

    async def _strike(self) -> None:
        number = self.chance.randrange(self.fleet.size)
        age_s = time.monotonic() - self.fleet.started[number]
        if age_s < YOUNG_S and self.chance.random() < SPARED:
            return  # one that dies while it starts proves little, and serves nobody
        if self.fleet.kill(number):
            self._start(number)
        if self.plan.backends and self.chance.random() < 0.3:
            with contextlib.suppress(psycopg.Error, ProcessLookupError):
                await asyncio.to_thread(self._break_database)

    def _start(self, number: int) -> None:
        """Start it again; most get a fuse, each point in its turn."""
        point = ""
        if self._dead < self.plan.kills and self.chance.random() < 0.75:
            point = POINTS[self._dead % len(POINTS)]
        self.fleet.start(number, point=point, hit=self.chance.randint(1, 60))

    def _break_database(self) -> None:
        """End one session politely, or one backend rudely: then the server recovers itself."""
        with psycopg.connect(libpq_url(self.url), autocommit=True) as admin:
            found = admin.execute(
                "SELECT pid FROM pg_stat_activity WHERE datname=current_database()"
                " AND application_name='farebox' ORDER BY random() LIMIT 1"
            ).fetchone()
            if found is None:
                return
            if self.chance.random() < 0.85:
                admin.execute("SELECT pg_terminate_backend(%s)", found)
                self.crashed["session ended"] += 1
                return
        os.kill(found[0], signal.SIGKILL)
        self.crashed["server crashed"] += 1
