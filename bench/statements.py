"""What SQLite alone makes of the ledger's statements: nothing is decided and nobody waits.

The statements of reservations on 1,000 keys are written down while a ledger takes them, 256 a
commit and one a commit, and given to a ledger that is as empty as the first one was. How many
times the fares then come out of commits of 256 is what there is to gain by putting them together.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import cycle, islice
from pathlib import Path
from typing import Any

from bench.quotes import QUOTE
from proxy.fares import new_id
from proxy.ledger import registry
from proxy.ledger.reserve import Reserve
from proxy.ledger.schema import migrate
from proxy.ledger.session import SqliteSession
from proxy.ledger.store import Store

KEYS, TOGETHER = 1000, 256
COMMITS, ALONE = 150, 3000  # of each size, the first tenth to warm up
Commit = list[tuple[str, Sequence[Any]]]


class Recording(SqliteSession):
    """A ledger's connection that keeps what is written through it, a list a transaction."""

    written: list[Commit]

    def run(self, sql: str, args: Sequence[Any] = ()) -> int:
        """Run a statement, and keep it."""
        self.written[-1].append((sql, args))
        return super().run(sql, args)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Begin a list of its own."""
        self.written.append([])
        with super().transaction():
            yield


def recorded(folder: Path) -> tuple[list[Commit], list[Commit]]:
    """Write down what reservations write: some commits of 256, then some of one."""
    session = Recording(made(folder / "recorded.db"))
    session.written = []
    store = Store(session)
    store.open()
    names = (f"key-{number}" for number in range(KEYS))
    turn = cycle([store.transact(registry.create_key(n, actor="bench")).key for n in names])
    found = []
    for size, commits in ((TOGETHER, COMMITS), (1, ALONE)):
        session.written = []
        for _ in range(commits):
            store.commit([
                Reserve(new_id(time.time_ns() // 1000), key, lambda _: QUOTE, "shared", "path", "b")
                for key in islice(turn, size)
            ])  # fmt: skip
        found.append(session.written)
    session.close()
    return found[0], found[1]


def times(folder: Path, together: list[Commit], alone: list[Commit]) -> float:
    """Give both to a new ledger; how many times the fares a second the larger commits make."""
    path = made(folder / f"replayed-{time.monotonic_ns()}.db")
    session = SqliteSession(path)
    rates = [TOGETHER / _commit_s(session, together), 1 / _commit_s(session, alone)]
    session.close()
    path.unlink()
    return rates[0] / rates[1]


def made(path: Path) -> Path:
    """Make an empty ledger."""
    migrate(f"sqlite:///{path}")
    return path


def _commit_s(session: SqliteSession, commits: list[Commit]) -> float:
    """Write commits; how long one takes, in seconds."""
    warm = len(commits) // 10
    for number, statements in enumerate(commits):
        if number == warm:
            began = time.perf_counter()
        with session.transaction():
            for sql, args in statements:
                session.run(sql, args)
    return (time.perf_counter() - began) / (len(commits) - warm)
