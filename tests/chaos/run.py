"""One run: load, kills, restarts, the reconciler's decisions, and the verdict."""

import asyncio
import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from proxy.ledger import registry
from proxy.ledger.postgres import libpq_url
from proxy.ledger.schema import migrate, open_session
from proxy.ledger.session import LedgerFault
from proxy.ledger.store import Store
from tests.chaos.fleet import Fleet, fleet
from tests.chaos.judge import Verdict, judge
from tests.chaos.load import PRICE_MICROS, Deck, Load
from tests.chaos.points import POINTS
from tests.standin.bill import read_bill

ROOT = Path(__file__).parents[2]
UPSTREAM_KEY = "sk-chaos-0123456789abcdef"
ADMIN_TOKEN = "chaos-token-0123456789abcdef"
KEYS_A_TEAM = 4
DAY_US = 86_400_000_000
SHORT = {"FAREBOX_POLL_AFTER": "200ms", "FAREBOX_GIVE_UP_AFTER": "1s"}
YOUNG_S, SPARED = 1.5, 0.9
POINT_S = 15.0
JOBS_END_S = 1.5  # at the stand-in's speed no job takes longer


@dataclass(frozen=True)
class Plan:
    """What a run does; the same seed makes the same choices, though not the same timing."""

    seed: int = 1
    seconds: float = 10.0
    kills: int = 20
    processes: int = 3
    in_flight: int = 200
    limit_calls: int = 150  # of one key and day; a team has room for 3.5 keys
    groups: int = 40
    mutant: str = ""
    give_up_s: int = 8  # FAREBOX_GIVE_UP_AFTER
    midnight_s: float = 0.0  # when the day rolls over; 0 leaves the clock alone
    charge_on: str = "completion"
    backends: bool = False  # kill PostgreSQL's processes too
    decide_s: float = 60.0
    words: tuple[str, ...] = ()  # instead of the whole story
    each_point: bool = False  # no storm: one death at each named point, in turn


@dataclass
class Outcome:
    """What came of it."""

    plan: Plan
    database: str
    verdict: Verdict
    kills: dict[str, int]
    calls: dict[str, int]
    recoveries: list[tuple[int, int]]
    samples: int
    overshot_samples: int
    exit_codes: list[int | None]
    wall_s: float

    @property
    def faults(self) -> dict[str, Any]:
        """Everything that must not be; empty if all promises held."""
        found = dict(self.verdict.faults)
        if self.overshot_samples:
            found["overshot_samples"] = self.overshot_samples
        if any(self.exit_codes):
            found["exit_codes"] = self.exit_codes
        return found

    def as_dict(self) -> dict[str, Any]:
        times = sorted(ms for _, ms in self.recoveries)
        return {
            "database": self.database,
            "seed": self.plan.seed,
            "mutant": self.plan.mutant,
            "kills": sum(self.kills.values()),
            "kills_at": self.kills,
            "calls": self.calls,
            "recoveries": len(times),
            "recovery_ms_p50": times[len(times) // 2] if times else 0,
            "recovery_ms_max": times[-1] if times else 0,
            "fares_recovered": sum(count for count, _ in self.recoveries),
            "samples": self.samples,
            "wall_s": round(self.wall_s, 1),
            **asdict(self.verdict),
            "faults": self.faults,
        }


@contextlib.contextmanager
def standin(bill: Path, *flags: str) -> Iterator[str]:
    """The upstream, in a process that nobody kills; its URL."""
    command = [sys.executable, "-m", "tests.standin", "--bill", str(bill), *flags]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield process.stdout.readline().strip()
    finally:
        process.terminate()
        process.wait(20)
        process.stdout.close()


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


def environment(url: str, upstream: str, plan: Plan, ahead_us: int) -> dict[str, str]:
    return {
        "FAREBOX_DATABASE_URL": url,
        "FAREBOX_UPSTREAM_URL": upstream,
        "FAREBOX_UPSTREAM_KEY": UPSTREAM_KEY,
        "FAREBOX_ADMIN_TOKEN": ADMIN_TOKEN,
        "FAREBOX_LOG_FORMAT": "json",
        "FAREBOX_UPSTREAM_TIMEOUT": "2s",
        "FAREBOX_CHARGE_ON": plan.charge_on,
        "FAREBOX_POLL_AFTER": "1s",
        "FAREBOX_GIVE_UP_AFTER": f"{plan.give_up_s}s",
        "CHAOS_MUTANT": plan.mutant,
        "CHAOS_AHEAD_US": str(ahead_us),
    }


def until_midnight_us(seconds: float) -> int:
    """How far ahead a clock must be for midnight UTC to come in so many seconds."""
    if not seconds:
        return 0
    now_us = time.time_ns() // 1000
    return DAY_US - now_us % DAY_US - int(seconds * 1e6)


@contextlib.asynccontextmanager
async def watched(monitor: Monitor) -> AsyncIterator[None]:
    watching = asyncio.create_task(asyncio.to_thread(monitor.watch))
    try:
        yield
    finally:
        monitor.stopping = True
        await watching


async def _storm(plan: Plan, boxes: Fleet, load: Load, killer: Killer) -> None:
    """Calls and kills, side by side, for as long as planned."""
    boxes.start_all()
    calling = asyncio.create_task(load.call())
    await killer.run(until=time.monotonic() + plan.seconds)
    load.stopping = True
    await calling
    await asyncio.sleep(JOBS_END_S)
    boxes.dead()
    boxes.kill_all()


async def _each_point(plan: Plan, boxes: Fleet, load: Load) -> None:
    """Let one process die at every named point in turn, at its first pass."""
    for point in POINTS:
        boxes.start(0, point=point, hit=1)
        load.stopping = False
        calling = asyncio.create_task(load.call())
        await asyncio.to_thread(boxes.wait, 0, POINT_S)
        boxes.dead()
        load.stopping = True
        await calling
        boxes.kill_all()
    await asyncio.sleep(JOBS_END_S)


async def _decided(url: str, boxes: Fleet, *, within_s: float) -> None:
    """Start all again, soon to give up, and wait until the reconciler has decided everything."""
    boxes.environ = dict(boxes.environ) | SHORT
    boxes.start_all()
    session = open_session(url, read_only=True)
    give_up = time.monotonic() + within_s
    while time.monotonic() < give_up:
        await asyncio.sleep(0.2)
        with contextlib.suppress(LedgerFault):
            if not session.rows(
                "SELECT 1 FROM charges WHERE state IN ('reserved','accepted','uncertain') LIMIT 1"
            ):
                break
    session.close()


async def storm(
    url: str, home: Path, plan: Plan, *, say: Callable[[str], None] = lambda _: None
) -> Outcome:
    """Do what a plan says to a database; judge what is left."""
    started = time.monotonic()
    deck, limits = furnish(url, plan)
    bill = home / "bill"
    flags = ("--charge-on", plan.charge_on, "--seed", str(plan.seed), "--speed", "0.05")
    with standin(bill, *flags) as upstream:
        environ = environment(url, upstream, plan, until_midnight_us(plan.midnight_s))
        with fleet(plan.processes, environ, home / "log") as boxes:
            monitor = Monitor(url, limits)
            load = Load(boxes.ports, deck, plan.in_flight, plan.seed)
            if plan.words:
                load.words, load.weights = plan.words, [1] * len(plan.words)
            chance = random.Random(plan.seed)  # noqa: S311
            killer = Killer(plan, boxes, url, chance)
            async with watched(monitor):
                if plan.each_point:
                    await _each_point(plan, boxes, load)
                else:
                    await _storm(plan, boxes, load, killer)
                await load.close()
                say(f"{sum(load.counts.values())} calls, {sum(boxes.kills.values())} kills")
                kills = Counter(boxes.kills)
                await _decided(url, boxes, within_s=plan.decide_s)
            codes = await asyncio.to_thread(boxes.end)
            recoveries = boxes.recoveries()
    return Outcome(
        plan=plan,
        database=url.split(":", 1)[0],
        verdict=judge(url, read_bill(bill), limits),
        kills=dict(kills + killer.crashed),
        calls=dict(load.counts),
        recoveries=recoveries,
        samples=monitor.samples,
        overshot_samples=monitor.above,
        exit_codes=codes,
        wall_s=time.monotonic() - started,
    )
