"""How long a month's spend report takes over millions of charges.

    python -m bench.report [--charges 3000000] [--months 1] [--database FILE.db]

Fills the roll-up with what that many settlements would have left in it: keys, models and tags
drawn at random, four calls out of five in ten working hours. Nothing is timed but the report.
"""

import argparse
import json
import random
import sqlite3
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from proxy.ledger.schema import migrate, open_session
from proxy.reports import spend
from proxy.reports.periods import QUARTERS_A_DAY, month
from proxy.reports.spend import Question

TEAMS, KEYS, MODELS, PROJECTS = 12, 60, 8, 5
AT_WORK = 0.8  # how much of it happens in working hours
MONTHS = ("2026-11", "2026-10", "2026-09", "2026-08", "2026-07", "2026-06")
QUESTIONS = ("team,model", "day", "key,model,resolution", "team,tag:project", "day,team,model")


def quarter(days: int, luck: random.Random) -> int:
    """Draw a quarter hour of a month: mostly between eight and six."""
    if luck.random() < AT_WORK:
        return luck.randrange(days) * QUARTERS_A_DAY + luck.randrange(32, 72)
    return luck.randrange(days * QUARTERS_A_DAY)


def rolled_up(charges: int, text: str) -> Iterator[tuple[object, ...]]:
    """Roll up made-up charges of a month."""
    luck = random.Random(text)  # noqa: S311 - made up, and the same every time
    period = month(text)
    start, _ = period.quarters
    places = Counter(
        (
            quarter(period.days, luck),
            int(luck.random() ** 2 * KEYS),
            luck.randrange(MODELS),
            luck.randrange(PROJECTS),
        )
        for _ in range(charges)
    )
    for (when, key, model, project), calls in sorted(places.items()):
        yield (
            start + when, f"key_{key:014d}", f"key-{key}", f"team-{key % TEAMS}",
            f"model-{model}", "1K", "text-to-image", "2026-09-25",
            json.dumps({"project": f"p{project}"}),
            calls, calls, calls * 40_200, calls * 67_000,
        )  # fmt: skip


def fill(path: Path, charges: int, months: int) -> int:
    """Write the roll-ups of some months; how many rows they are."""
    migrate(f"sqlite:///{path}")
    with sqlite3.connect(path) as connection:
        for text in reversed(MONTHS[:months]):
            connection.executemany(
                f"INSERT INTO spend VALUES({','.join('?' * 13)})", rolled_up(charges, text)
            )
        return int(connection.execute("SELECT count(*) FROM spend").fetchone()[0])


def timed(path: Path, by: str, zone: str) -> tuple[float, int]:
    """Time one report over November; seconds and rows."""
    session = open_session(f"sqlite:///{path}", read_only=True)
    question = Question(spend.groupings(by), month(MONTHS[0], zone))
    started = time.perf_counter()
    with session.snapshot():
        count = sum(1 for _ in spend.rows(session, question))
    taken = time.perf_counter() - started
    session.close()
    return taken, count


def main() -> None:
    """Fill, and time."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--charges", type=int, default=3_000_000, help="a month")
    parser.add_argument("--months", type=int, default=1, choices=range(1, len(MONTHS) + 1))
    parser.add_argument("--database", type=Path)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = asked.database or Path(folder) / "report.db"
        rows = fill(path, asked.charges, asked.months)
        print(f"{asked.charges:,} charges a month, {asked.months} months: {rows:,} rows of roll-up")
        for by in QUESTIONS:
            for zone in ("UTC", "Europe/Berlin"):
                seconds, count = min(timed(path, by, zone) for _ in range(3))
                print(f"{by:24} {zone:14} {seconds:6.2f} s  {count:,} rows")


if __name__ == "__main__":
    main()
