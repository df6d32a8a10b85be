"""How many fares a second the ledger takes, on SQLite and on PostgreSQL.

    python bench/ledger.py [--seconds 2] [--only sqlite|postgresql]

One process, one writer thread, every commit synced. `waiting` is how many callers wait at
once; the last column is the same ledger with one commit a call. Compare the columns of one
run with each other: rates depend on the disk and on who else uses the machine.
"""

import argparse
import asyncio
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count, cycle
from pathlib import Path

from pricing import Micros, Quote
from proxy.directory import Key
from proxy.fares import new_id
from proxy.ledger import registry, writer
from proxy.ledger.reserve import Reserve
from proxy.ledger.schema import migrate, open_session
from proxy.ledger.store import Store
from proxy.ledger.writer import Writer
from tests.postgres import running_postgres

WAITING = (1, 32, 256)
KEYS = (1, 1000)
QUOTE = Quote(
    "gemini-3.1-flash-image-preview", "gemini-3.1-flash-image-preview", "1K", "text-to-image", 1,
    Micros(40_200), Micros(67_000), "2026-09-25", "published", False, "one",  # noqa: FBT003
)  # fmt: skip


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--seconds", type=float, default=2.0, help="of each measurement")
    parser.add_argument("--only", choices=["sqlite", "postgresql"])
    arguments = parser.parse_args()
    print(f"{'database':<12}{'keys':>6}{'waiting':>9}{'fares/s':>10}{'p50 ms':>9}{'p99 ms':>9}"
          f"{'batch':>7}{'one commit a call':>20}")  # fmt: skip
    for name, database in (("sqlite", sqlite), ("postgresql", postgresql)):
        if arguments.only in (None, name):
            with database() as url:
                measure_all(name, url, arguments.seconds)


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


def measure_all(name: str, url: str, seconds: float) -> None:
    """Print a row for every number of keys and of waiting callers."""
    store = Store(open_session(url))
    store.open()
    names = [f"key-{n}" for n in range(max(KEYS))]
    keys = store.transact(lambda s: [registry.create_key(n, actor="bench")(s).key for n in names])
    for few in KEYS:
        for waiting in WAITING:
            batched, sizes = run(store, keys[:few], waiting, seconds)
            alone, _ = run(store, keys[:few], waiting, seconds / 2, batch_max=1)
            print(
                f"{name:<12}{few:>6}{waiting:>9}{len(batched) / seconds:>10,.0f}"
                f"{at(batched, 0.5):>9.1f}{at(batched, 0.99):>9.1f}"
                f"{len(batched) / max(1, sizes):>7.0f}{len(alone) / (seconds / 2):>20,.0f}"
            )
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
    pen = Writer(store, asyncio.get_running_loop())
    pen.gauges.batch_size = lambda _: next(commits) and None
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
