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

YOUNG_S, FUSED_S, SPARED = 1.0, 2.5, 0.9
AGAIN_S, HITS_MAX = 0.1, 25
POLITE = 0.85  # the rest are rude
BACKENDS = 0.2  # how often PostgreSQL is hit as well


@dataclass
class Killer:
    """Kills processes, and PostgreSQL's backends, until enough have died or time is up."""

    plan: Plan
    fleet: Fleet
    url: str
    chance: random.Random
    crashed: Counter[str] = field(default_factory=Counter)

    async def run(self) -> None:
        """Go on for as long as planned, and then until enough have died; at most twice as long."""
        started, pace_s = time.monotonic(), self.plan.seconds / max(self.plan.kills, 1)
        strike_at = started + pace_s
        while not self._over(time.monotonic() - started):
            for number in self.fleet.dead():
                self._start(number)
            if time.monotonic() >= strike_at and self._dead < self.plan.kills:
                struck = await self._strike()
                strike_at += self.chance.uniform(0.5, 1.5) * pace_s if struck else AGAIN_S
            await asyncio.sleep(0.02)

    def _over(self, took_s: float) -> bool:
        enough = self._dead >= self.plan.kills
        return took_s >= self.plan.seconds * (1 if enough else 2)

    @property
    def _dead(self) -> int:
        return sum(self.fleet.kills.values())

    async def _strike(self) -> bool:
        """Kill one at random; mostly one that serves, since a start that dies proves little."""
        grown = [number for number in range(self.fleet.size) if self._grown(number)]
        if not grown and self.chance.random() < SPARED:
            return False
        number = self.chance.choice(grown or range(self.fleet.size))
        if self.fleet.kill(number):
            self._start(number)
        if self.plan.backends and self.chance.random() < BACKENDS:
            with contextlib.suppress(psycopg.Error, ProcessLookupError):
                await asyncio.to_thread(self._break_database)
        return True

    def _grown(self, number: int) -> bool:
        """Whether it has served for a while; one with a fuse gets time to burn it."""
        age_s = time.monotonic() - self.fleet.started[number]
        return age_s > (FUSED_S if self.fleet.points[number] else YOUNG_S)

    def _start(self, number: int) -> None:
        """Start it again; most get a fuse, each point in its turn."""
        point = ""
        if self._dead < self.plan.kills and self.chance.random() < 0.75:
            point = POINTS[self._dead % len(POINTS)]
        self.fleet.start(number, point=point, hit=self.chance.randint(1, HITS_MAX))

    def _break_database(self) -> None:
        """End one session politely, or one backend rudely: then the server recovers itself."""
        with psycopg.connect(libpq_url(self.url), autocommit=True) as admin:
            found = admin.execute(
                "SELECT pid FROM pg_stat_activity WHERE datname=current_database()"
                " AND application_name='farebox' ORDER BY random() LIMIT 1"
            ).fetchone()
            if found is None:
                return
            if self.chance.random() < POLITE:
                admin.execute("SELECT pg_terminate_backend(%s)", found)
                self.crashed["session ended"] += 1
                return
        os.kill(found[0], signal.SIGKILL)
        self.crashed["server crashed"] += 1
