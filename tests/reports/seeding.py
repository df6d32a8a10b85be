"""Made-up traffic in a real ledger: the same for the same seed, written a batch a commit.

`python -m tests.reports.seeding FILE.db` makes the month that docs/finance.md shows.
"""

import json
import random
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pricing import BUNDLED, NoPrice, Order, PriceBook, Quote, load_table, load_tables, quote
from proxy.charge import Ground
from proxy.instants import epoch_us, instant
from proxy.ledger import versions
from proxy.ledger.operation import Operation
from proxy.ledger.outcomes import Accept, Decide, Doubt
from proxy.ledger.postgres import PostgresSession
from proxy.ledger.registry import create_key
from proxy.ledger.reserve import Reserve
from proxy.ledger.schema import migrate
from proxy.ledger.session import SqliteSession
from proxy.ledger.store import Store

HOUR_US = 3_600_000_000
NOVEMBER_US = epoch_us(datetime(2026, 11, 1, tzinfo=UTC))
DECEMBER_US = epoch_us(datetime(2026, 12, 1, tzinfo=UTC))
KEYS = {
    "web": "growth",
    "mail": "growth",
    "shop": "brand",
    "print": "brand",
    "lab": "",
    "bot": "ops",
}
PROJECTS = ("spring", "autumn", "café")
BATCH = 400


class TimedSession(SqliteSession):
    """A ledger whose clock a test sets."""

    at_us = NOVEMBER_US

    def now_us(self) -> int:
        return self.at_us


class TimedPostgres(PostgresSession):
    """The same on PostgreSQL."""

    at_us = NOVEMBER_US

    def now_us(self) -> int:
        return self.at_us


def open_store(where: Path | str, *, zone: str = "UTC") -> Store:
    """Make a ledger with the bundled prices, a change of price on 16 November, and six keys.

    `where` is a file, or the URL of a PostgreSQL database.
    """
    migrate(where if isinstance(where, str) else f"sqlite:///{where}")
    session: TimedPostgres | TimedSession
    if isinstance(where, str):
        session = TimedPostgres(where)
    else:
        session = TimedSession(where, synchronous="OFF")
    store = Store(session, timezone=zone)
    store.open()
    store.transact(versions.add([*load_tables(BUNDLED).versions, november()], actor="test"))
    for name, team in KEYS.items():
        store.transact(create_key(name, actor="test", team=team, daily_micros=-1))
    return store


def november() -> "versions.PriceTable":
    """Make a version in which every model of the bundled one costs a tenth more at 1K."""
    text = (BUNDLED / "2026-09-25.toml").read_text(encoding="utf-8")
    text = text.replace('version = "2026-09-25"', 'version = "2026-11-16"')
    text = text.replace("2026-09-25T00:00:00Z", "2026-11-16T00:00:00Z")
    text = text.replace('"0.040200"', '"0.044200"').replace('"0.080400"', '"0.088400"')
    return load_table(text, name="2026-11-16")


@dataclass
class Traffic:
    """A run of made-up calls into one store."""

    store: Store
    seed: int = 1

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)  # noqa: S311 - made up, and the same every time
        self.book = versions.book(self.store.session)
        self.keys = list(self.store.directory.keys.values())
        self.menu = list(orders(self.book))
        self.count = 0

    def run(self, calls: int, start_us: int = NOVEMBER_US, end_us: int = DECEMBER_US) -> None:
        """Admit calls evenly over a time and decide most of them."""
        for done in range(0, calls, BATCH):
            at_us = start_us + (end_us - start_us) * (2 * done + BATCH) // (2 * calls + BATCH)
            self.batch(min(BATCH, calls - done), at_us)

    def batch(self, calls: int, at_us: int) -> None:
        """Admit calls at an instant; accept and decide them within the minute."""
        reserves = [self._reserve(at_us) for _ in range(calls)]
        self.commit(reserves, at_us)
        self.commit([self._accept(each) for each in reserves], at_us + 1_000_000)
        decided = [each for each in map(self._decide, reserves) if each is not None]
        self.commit(decided, at_us + 20_000_000)

    def commit(self, operations: Sequence[Operation], at_us: int) -> None:
        """Commit operations at an instant; none may be refused."""
        session = self.store.session
        assert isinstance(session, TimedSession | TimedPostgres)
        session.at_us = at_us
        for result in self.store.commit(operations):
            if isinstance(result, Exception):
                raise result

    def _reserve(self, at_us: int) -> Reserve:
        self.count += 1
        order = self.random.choice(self.menu)
        found: Quote = quote(order, self.book.at(instant(at_us)))
        tags = {"project": self.random.choice(PROJECTS)} if self.random.random() < 0.7 else {}
        return Reserve(
            charge_id=f"fb_{self.seed:03d}{self.count:018d}",
            key=self.random.choice(self.keys),
            price=lambda _: found,
            account="ours",
            surface="path",
            owner="test:1:1",
            tags=json.dumps(tags, ensure_ascii=False, sort_keys=True),
        )

    def _accept(self, reserve: Reserve) -> Accept:
        return Accept(reserve.charge_id, "ours", f"pred-{reserve.charge_id[3:]}")

    def _decide(self, reserve: Reserve) -> Operation | None:
        luck = self.random.random()
        if luck < 0.93:
            return Decide(reserve.charge_id, self.random.choice((0, 1, 1, 1)), Ground.ANSWER)
        if luck < 0.98:
            return Decide(reserve.charge_id, None, Ground.ANSWER, "failed")
        if luck < 0.99:
            return Doubt(reserve.charge_id, "cut off")
        return Decide(reserve.charge_id, 0, Ground.ASSUMED, "nobody came back")


def orders(book: PriceBook) -> Iterator[Order]:
    """List an order for every model and resolution that every version since autumn sells."""
    table = book.version("2026-09-25")
    for model in table.models.values():
        for resolution in model.resolutions:
            for task in ("text-to-image", "image-edit"):
                size = None if resolution == "any" else resolution
                segments = ("vendor", model.id, task)
                order = Order(
                    "path", segments, None, size, None, 1, None, int(task != "text-to-image")
                )
                try:
                    quote(order, table)
                except NoPrice:
                    continue
                yield order


def main() -> None:
    """Make the month of the guide."""
    store = open_store(Path(sys.argv[1]))
    Traffic(store).run(int(sys.argv[2]) if len(sys.argv) > 2 else 100_000)
    store.session.close()


if __name__ == "__main__":
    main()
