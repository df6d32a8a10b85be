"""`make chaos`: the long fault run on both databases, then every planted mistake.

Prints a table and writes one JSON line a run; exit 1 if a promise broke or a mistake went unseen.
"""

import argparse
import asyncio
import json
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.chaos.mutants import MUTANTS
from tests.chaos.plan import Plan
from tests.chaos.power import CUTS, power_cuts
from tests.chaos.run import Outcome, storm
from tests.chaos.start import measured_starts
from tests.postgres import running_postgres

COLUMNS = (
    "database", "seed", "kills", "charges", "billed_jobs", "overshoot_micros", "lost_jobs",
    "settled_twice", "charged_for_nothing", "doubtful", "doubtful_unbilled", "undecided",
    "recovery_ms_p50", "recovery_ms_max", "wall_s",
)  # fmt: skip
MUTANT_PLAN = Plan(seconds=5, kills=3, limit_calls=15, midnight_s=2.5, decide_s=6, give_up_s=3)


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


@contextmanager
def database(kind: str, home: Path) -> Iterator[str]:
    """An empty database of a kind; its URL."""
    if kind == "sqlite":
        yield f"sqlite:///{home}/farebox.db"
        return
    with running_postgres() as server:
        yield server.create()


def stormed(kind: str, plan: Plan) -> Outcome:
    """One run on a database of its own."""
    with tempfile.TemporaryDirectory(prefix="fb-chaos-") as place:
        home = Path(place)
        with database(kind, home) as url:
            outcome = asyncio.run(storm(url, home, plan, say=say))
    say(json.dumps(outcome.as_dict(), separators=(",", ":"))[:6000])
    return outcome


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--seconds", type=float, default=120, help="of load, on each database")
    parser.add_argument("--kills", type=int, default=200, help="on each database")
    parser.add_argument("--in-flight", type=int, default=200, help="at each of three processes")
    parser.add_argument("--database", choices=("sqlite", "postgresql"), action="append")
    parser.add_argument("--no-mutants", action="store_true")
    return parser.parse_args()


def table(outcomes: list[Outcome]) -> str:
    rows = [list(COLUMNS)]
    for outcome in outcomes:
        found: dict[str, Any] = outcome.as_dict()
        rows.append([str(found[name]) for name in COLUMNS])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def mutants(kinds: list[str], seed: int) -> bool:
    """Whether every planted mistake turned a run red."""
    seen = True
    for name in MUTANTS:
        for kind in kinds:
            outcome = stormed(kind, replace(MUTANT_PLAN, mutant=name, seed=seed))
            caught = {fault: _short(value) for fault, value in outcome.faults.items()}
            say(f"planted on {kind}: {name}: {caught or 'NOT CAUGHT'}")
            seen = seen and bool(caught)
    return seen


def _short(value: Any) -> Any:
    return len(value) if isinstance(value, list) else value


def powered() -> bool:
    """Whether FULL kept every acknowledged reservation, and NORMAL was seen to lose some."""
    found = {mode: power_cuts(mode) for mode in ("FULL", "NORMAL")}
    for mode, lost in found.items():
        say(f"power cuts, synchronous={mode}: {CUTS} cuts, {lost}")
    return found["FULL"].sound and not found["NORMAL"].sound


def main() -> int:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # leave nothing running
    asked = arguments()
    kinds = asked.database or ["sqlite", "postgresql"]
    say(f"seed {asked.seed}")
    plan = Plan(
        seed=asked.seed, seconds=asked.seconds, kills=asked.kills, in_flight=asked.in_flight,
        midnight_s=asked.seconds / 2, groups=int(asked.seconds), give_up_s=20, decide_s=120,
    )  # fmt: skip
    outcomes = [stormed(kind, replace(plan, backends=kind != "sqlite")) for kind in kinds]
    good = not any(outcome.faults for outcome in outcomes)
    for kind in kinds:
        say(f"start with undecided fares on {kind}: {measured_starts(kind)}")
    good = powered() and good
    if not asked.no_mutants:
        good = mutants(kinds, asked.seed) and good
    say(table(outcomes))
    say("every promise held" if good else "A PROMISE BROKE")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
