"""One run: load, kills, restarts, the reconciler's decisions, and the verdict."""

import asyncio
import contextlib
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from proxy.ledger.schema import open_session
from proxy.ledger.session import LedgerFault
from tests.chaos.books import Monitor, furnish, watched
from tests.chaos.clock import Clock
from tests.chaos.fleet import Fleet, fleet
from tests.chaos.judge import Verdict, judge
from tests.chaos.killer import Killer
from tests.chaos.load import Load
from tests.chaos.plan import Plan
from tests.chaos.points import POINTS
from tests.standin.bill import read_bill

ROOT = Path(__file__).parents[2]
UPSTREAM_KEY = "sk-chaos-0123456789abcdef"
ADMIN_TOKEN = "chaos-token-0123456789abcdef"
SHORT = {"FAREBOX_POLL_AFTER": "200ms", "FAREBOX_GIVE_UP_AFTER": "1s"}
POINT_S = 15.0
START_S = 60.0
JOBS_END_S = 1.5  # at the stand-in's speed no job takes longer


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


def environment(url: str, upstream: str, plan: Plan, clock: Path) -> dict[str, str]:
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
        "CHAOS_CLOCK": str(clock),
    }


async def _storm(plan: Plan, clock: Clock, boxes: Fleet, load: Load, killer: Killer) -> None:
    """Calls and kills, side by side, for as long as planned; midnight counts from their start."""
    boxes.start_all()
    await asyncio.gather(
        *(_listens(port, until=time.monotonic() + START_S) for port in boxes.ports)
    )
    if plan.midnight_s:
        clock.until_midnight(plan.midnight_s)
    calling = asyncio.create_task(load.call())
    await killer.run()
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


async def _listens(port: int, *, until: float) -> None:
    while time.monotonic() < until:
        with contextlib.suppress(OSError):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.close()
            return
        await asyncio.sleep(0.05)


def _open_fares(url: str) -> bool:
    """Whether any is undecided; a database that is recovering itself cannot say that none is."""
    try:
        session = open_session(url, read_only=True)
    except LedgerFault:
        return True
    try:
        sql = "SELECT 1 FROM charges WHERE state IN ('reserved','accepted','uncertain') LIMIT 1"
        return bool(session.rows(sql))
    except LedgerFault:
        return True
    finally:
        session.close()


async def _decided(url: str, boxes: Fleet, *, within_s: float) -> None:
    """Start all again, soon to give up, and wait until the reconciler has decided everything."""
    until = time.monotonic() + within_s
    boxes.environ = dict(boxes.environ) | SHORT
    boxes.start_all()
    while time.monotonic() < until:
        await asyncio.sleep(0.3)
        for number in boxes.dead():
            boxes.start(number)  # its database was not ready yet
        if not await asyncio.to_thread(_open_fares, url):
            break
    await asyncio.gather(*(_listens(port, until=until) for port in boxes.ports))


async def storm(
    url: str, home: Path, plan: Plan, *, say: Callable[[str], None] = lambda _: None
) -> Outcome:
    """Do what a plan says to a database; judge what is left."""
    started = time.monotonic()
    deck, limits = furnish(url, plan)
    bill = home / "bill"
    flags = ("--charge-on", plan.charge_on, "--seed", str(plan.seed), "--speed", "0.05")
    with standin(bill, *flags) as upstream:
        clock = Clock(home / "clock")
        if plan.midnight_s:
            clock.at_noon()
        environ = environment(url, upstream, plan, home / "clock")
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
                    await _storm(plan, clock, boxes, load, killer)
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
