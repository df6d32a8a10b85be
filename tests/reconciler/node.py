"""One node without its door: the real ledger, upstream client and reconciler, and a set clock."""

import asyncio
import contextlib
import json
import os
import socket
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field

import pytest

from pricing import Order, PriceTable, Quote, load_tables, quote
from pricing.load import BUNDLED
from proxy.answers import submit_outcome
from proxy.directory import Key
from proxy.fares import Fares, new_id
from proxy.keys import fingerprint
from proxy.ledger import registry, rows
from proxy.ledger.fare import Fare
from proxy.ledger.outcomes import Accept
from proxy.ledger.postgres import PostgresSession
from proxy.ledger.reader import Reader
from proxy.ledger.reserve import Reserve
from proxy.ledger.schema import open_session
from proxy.ledger.session import Session, SqliteSession
from proxy.ledger.store import Store
from proxy.ledger.writer import Writer
from proxy.reconciler import Reconciler
from proxy.routes import route
from proxy.settings import load_settings
from proxy.upstream import Upstream

UPSTREAM_KEY = "sk-shared-0123456789abcdef"
POLL_AFTER_S = 60
GIVE_UP_S = 24 * 3600
KLING = "kling-image-o1"
PATH = f"/api/v3/kling/{KLING}/text-to-image"
UNIT_MICROS = 22_400
_TABLE: PriceTable = load_tables(BUNDLED).versions[-1]


class Clock:
    """The clock of host and database, as far ahead as a test sets it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.ahead_us = 0
        for session in (SqliteSession, PostgresSession):
            monkeypatch.setattr(session, "now_us", self._ahead(session.now_us))

    def _ahead(self, real: Callable[[Session], int]) -> Callable[[Session], int]:
        return lambda session: real(session) + self.ahead_us

    def step(self, *, hours: float = 0, seconds: float = 0) -> None:
        self.ahead_us += round((hours * 3600 + seconds) * 1e6)


def order_of(path: str, n: int) -> Order:
    routed = route("POST", path.encode())
    return Order(routed.surface, routed.segments, f"kling/{KLING}", n=n)


@dataclass
class Node:
    """A worker's reconciler and what it stands on; `counted` is what it told the metrics."""

    url: str
    upstream_url: str
    name: str = field(default_factory=lambda: f"{socket.gethostname()}:{os.getpid()}:1")
    secrets: dict[str, str] = field(default_factory=dict)
    environ: Mapping[str, str] = field(default_factory=dict)
    counted: Counter[str] = field(default_factory=Counter)
    upstream_auth: str = "mirror"

    async def open(self) -> None:
        self.store = Store(open_session(self.url))
        self.store.open()
        self.writer = Writer(self.store, asyncio.get_running_loop())
        self.writer.start()
        self.reader = Reader(self.url)
        settings = load_settings(
            {
                "FAREBOX_DATABASE_URL": self.url,
                "FAREBOX_UPSTREAM_URL": self.upstream_url,
                "FAREBOX_UPSTREAM_KEY": UPSTREAM_KEY,
                "FAREBOX_UPSTREAM_AUTH": self.upstream_auth,
                "FAREBOX_POLL_AFTER": f"{POLL_AFTER_S}s",
                "FAREBOX_GIVE_UP_AFTER": f"{GIVE_UP_S}s",
            }
        )
        self.fares = Fares(self.writer, self.reader, POLL_AFTER_S * 1_000_000, owner=self.name)
        self.upstream = Upstream(self.upstream_url, timeout_s=10)
        self.reconciler = Reconciler(
            settings, self.fares, self.upstream, self.secrets, self.environ, self._count
        )

    def _count(self, result: str) -> None:
        self.counted[result] += 1

    async def close(self) -> None:
        await self.upstream.aclose()
        await self.writer.close()
        self.reader.close()
        self.store.session.close()

    # What the relay does, without its HTTP

    async def key(self, name: str = "team") -> Key:
        made = await self.writer.transact(registry.create_key(name, actor="test", daily_micros=-1))
        return made.key

    async def reserve(
        self, key: Key, *, n: int = 1, secret: str = UPSTREAM_KEY, path: str = PATH
    ) -> Fare:
        order = order_of(path, n)

        def price(_at_us: int) -> Quote:
            return quote(order, _TABLE)

        operation = Reserve(
            new_id(self.store.session.now_us()), key, price, fingerprint(secret), order.surface,
            self.name, due_in_us=660_000_000,
        )  # fmt: skip
        return (await self.fares.reserve(operation)).fare

    async def buy(
        self, key: Key, words: str = "", *, n: int = 1, secret: str = UPSTREAM_KEY,
        path: str = PATH, at: str = "",
    ) -> Fare:  # fmt: skip
        """Reserve, order from the stand-in, and note its acceptance; nobody polls.

        `path` is what the caller asked for, `at` where the stand-in takes that order, if elsewhere:
        it answers in the dialect of its route.
        """
        fare = await self.reserve(key, n=n, secret=secret, path=path)
        said = " ".join(f"standin:{word}" for word in words.split())
        headers = [
            (b"authorization", secret.encode()),
            (b"content-type", b"application/json"),
        ]
        answer = await self.upstream.send(
            b"POST", (at or path).encode(), headers,
            json.dumps({"model": f"kling/{KLING}", "prompt": f"a cat {said}", "n": n}).encode(),
            pool="test", submit=True,
        )  # fmt: skip
        outcome = submit_outcome(answer.status, json.loads(await answer.read(65536) or b"0"))
        assert outcome.prediction_id is not None
        accept = Accept(
            fare.id, fare.account, outcome.prediction_id, due_in_us=self.fares.poll_after_us
        )
        receipt = await self.fares.record(accept)
        assert receipt is not None
        return receipt.fare

    async def now(self, fare: Fare) -> Fare:
        """A charge as the ledger has it."""

        def question(session: Session) -> Fare:
            return rows.fares(session, "WHERE id=?", (fare.id,))[0]

        return await self.reader.ask(question)

    async def entries(self, fare: Fare) -> list[tuple[str, int, int]]:
        """Kind of each entry and what it moved: held, spent."""

        def question(session: Session) -> list[tuple[str, int, int]]:
            found = session.rows(
                "SELECT kind,reserved_micros,settled_micros FROM entries WHERE charge_id=?"
                " ORDER BY seq",
                (fare.id,),
            )
            return [(kind, int(held), int(spent)) for kind, held, spent in found]

        return await self.reader.ask(question)


@contextlib.asynccontextmanager
async def node(url: str, upstream_url: str, **facts: object) -> AsyncIterator[Node]:
    made = Node(url, upstream_url, **facts)  # type: ignore[arg-type]
    await made.open()
    try:
        yield made
    finally:
        await made.close()
