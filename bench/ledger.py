"""How many fares a second the ledger takes, on SQLite and on PostgreSQL.

    python -m bench.ledger [--seconds 2] [--only sqlite|postgresql]

One process, one writer thread, every commit synced. `waiting` is how many callers wait at
once; the last column is the same ledger with one commit a call. Compare the columns of one
run with each other: rates depend on the disk and on who else uses the machine.
"""

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count, cycle
from pathlib import Path

from bench import statements
from bench.goals import Finding, found
from bench.quotes import QUOTE
from bench.session import Session
from proxy.directory import Key
from proxy.edge.worker import spare_the_collector
from proxy.fares import new_id
from proxy.ledger import registry, writer
from proxy.ledger.reserve import Reserve
from proxy.ledger.schema import migrate, open_session
from proxy.ledger.store import Store
from proxy.ledger.writer import Writer
from tests.postgres import running_postgres

WAITING = (1, 32, 256)
KEYS = (1, 1000)


def findings(session: Session) -> list[Finding]:
    """Reserve on both databases with 256 waiting, and once more with one commit a request."""
    told = []
    for name, database in DATABASES.items():
        rates: dict[str, list[float]] = {f"ledger/{name}/{few}": [] for few in KEYS}
        grouped = rates.setdefault(f"ledger/{name}/alone", [])
        try:
            with database() as url:
                for _ in session.turns(f"ledger on {name}"):
                    rows = list(measured(url, session.seconds, (max(WAITING),)))
                    for row in rows:
                        rates[f"ledger/{name}/{row.keys}"].append(row.a_second)
                    grouped.append(min(row.a_second / row.one_commit for row in rows))
        except RuntimeError as error:
            sys.stderr.write(f"  no {name} here: {error}\n")
            continue
        told += [found(goal, *values) for goal, values in rates.items()]
    return [*told, statements_alone(session)]


def statements_alone(session: Session) -> Finding:
    """Say how many times one commit a request the statements themselves come to on SQLite."""
    together, alone = statements.recorded(session.folder)
    ratios = [
        statements.times(session.folder, together, alone)
        for _ in session.turns("SQLite's statements alone")
    ]
    return found("ledger/sqlite/statements", *ratios)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--seconds", type=float, default=2.0, help="of each measurement")
    parser.add_argument("--only", choices=list(DATABASES))
    arguments = parser.parse_args()
    print(f"{'database':<12}{'keys':>6}{'waiting':>9}{'fares/s':>10}{'p50 ms':>9}{'p99 ms':>9}"
          f"{'batch':>7}{'one commit a call':>20}")  # fmt: skip
    for name, database in DATABASES.items():
        if arguments.only in {None, name}:
            with database() as url:
                for row in measured(url, arguments.seconds, WAITING):
                    print(
                        f"{name:<12}{row.keys:>6}{row.waiting:>9}{row.a_second:>10,.0f}"
                        f"{row.p50_ms:>9.1f}{row.p99_ms:>9.1f}{row.batch:>7.0f}"
                        f"{row.one_commit:>20,.0f}"
                    )


@contextmanager
def sqlite() -> Iterator[str]:
    """Make a SQLite ledger in the working directory: /tmp may be memory."""
    with tempfile.TemporaryDirectory(dir=".", prefix=".bench-") as directory:
        url = f"sqlite:///{Path(directory).resolve()}/ledger.db"
        migrate(url)
        yield url


@contextmanager
def postgresql() -> Iterator[str]:
    """Make a PostgreSQL ledger on a server of our own."""
    with running_postgres() as server:
        yield server.copy(migrate)


DATABASES = {"sqlite": sqlite, "postgresql": postgresql}


@dataclass(frozen=True)
class Row:
    """So many keys and callers: fares a second, and the same with one commit a call."""

    keys: int
    waiting: int
    a_second: float
    p50_ms: float
    p99_ms: float
    batch: float
    one_commit: float


def measured(url: str, seconds: float, waiting: tuple[int, ...]) -> Iterator[Row]:
    """Measure every number of keys and of waiting callers."""
    store = Store(open_session(url))
    store.open()
    spare_the_collector()  # as a worker does
    names = [f"key-{n}-{time.time_ns()}" for n in range(max(KEYS))]
    keys = store.transact(lambda s: [registry.create_key(n, actor="bench")(s).key for n in names])
    for few in KEYS:
        for callers in waiting:
            batched, commits = run(store, keys[:few], callers, seconds)
            alone, _ = run(store, keys[:few], callers, seconds / 2, batch_max=1)
            yield Row(
                few, callers, len(batched) / seconds, at(batched, 0.5), at(batched, 0.99),
                len(batched) / max(1, commits), max(1, len(alone)) / (seconds / 2),
            )  # fmt: skip
    store.session.close()


def at(latencies: list[float], part: float) -> float:
    """Find a quantile, in milliseconds."""
    return sorted(latencies)[int(len(latencies) * part)] * 1000 if latencies else 0.0


def run(
    store: Store, keys: list[Key], waiting: int, seconds: float, *, batch_max: int | None = None
) -> tuple[list[float], int]:
    """Reserve for a while; how long each took, in seconds, and how many commits there were."""
    usual, writer.BATCH_MAX = writer.BATCH_MAX, batch_max or writer.BATCH_MAX
    try:
        return asyncio.run(reserving(store, keys, waiting, seconds))
    finally:
        writer.BATCH_MAX = usual


async def reserving(
    store: Store, keys: list[Key], waiting: int, seconds: float
) -> tuple[list[float], int]:
    """Keep `waiting` reservations under way until the time is up."""
    latencies: list[float] = []
    commits = count()

    def counted(_size: int) -> None:
        next(commits)

    pen = Writer(store, asyncio.get_running_loop())
    pen.gauges.batch_size = counted
    pen.start()
    turn = cycle(keys)
    end = time.perf_counter() + seconds

    async def caller() -> None:
        while (began := time.perf_counter()) < end:
            fare_id = new_id(time.time_ns() // 1000)
            await pen.do(Reserve(fare_id, next(turn), lambda _: QUOTE, "shared", "path", "bench"))
            latencies.append(time.perf_counter() - began)

    await asyncio.gather(*(caller() for _ in range(waiting)))
    await pen.close()
    return latencies, next(commits)


if __name__ == "__main__":
    main()
