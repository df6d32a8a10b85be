"""A pass-through that books each submit and nothing else: what no program with a ledger gets below.

Over our own client, by our own writer of batches: a row is on disk before the call leaves, and the
prediction's id before the answer goes back. No keys, no prices, no budgets, no outcomes, no log.
"""

import asyncio
import os
import re
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, cast

from bench import bare
from proxy.clock import now_us
from proxy.fares import new_id
from proxy.ledger.operation import Operation
from proxy.ledger.session import SqliteSession
from proxy.ledger.store import Store
from proxy.ledger.writer import Writer

FILE = os.environ.get("BENCH_LEDGER", "booked.db")
TABLES = (
    "CREATE TABLE jobs(id TEXT PRIMARY KEY, prediction TEXT) WITHOUT ROWID",
    "CREATE UNIQUE INDEX jobs_prediction ON jobs(prediction) WHERE prediction IS NOT NULL",
)
PREDICTION = re.compile(rb'"id":"([^"]+)"')


class Booked(Operation):
    """A row of a job: a new one, or the id that its upstream gave it."""

    __slots__ = ("job", "named")

    def __init__(self, job: str, named: str = "") -> None:
        self.job, self.named = job, named


class Jobs:
    """As much of a store as the writer asks for: batches, each synced before it is told."""

    def __init__(self, path: Path) -> None:
        self.session = SqliteSession(path)
        for table in TABLES:
            self.session.run(table)

    def commit(self, operations: Sequence[Booked]) -> list[Any]:
        """Write a batch."""
        with self.session.transaction():
            begun = [(each.job,) for each in operations if not each.named]
            self.session.insert("jobs", ("id",), begun)
            named = [(each.named, each.job) for each in operations if each.named]
            self.session.update("jobs", ("prediction", "id"), named)
        return [None] * len(operations)


@lru_cache  # once, in the running loop
def _writer() -> Writer:
    made = Writer(cast("Store", Jobs(Path(FILE))), asyncio.get_running_loop())
    made.start()
    return made


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Pass a call through; a submit is booked before it leaves, its id before the answer does."""
    if scope["type"] == "lifespan" or scope["method"] != "POST":
        await bare.app(scope, receive, send)
        return
    job = new_id(now_us())
    await _writer().do(Booked(job))
    begun: list[Any] = []

    async def answered(message: Any) -> None:
        begun.append(message)
        if message["type"] == "http.response.body":
            found = PREDICTION.search(message["body"])
            if found is not None:
                await _writer().do(Booked(job, found[1].decode()))
            for each in begun:
                await send(each)

    await bare.app(scope, receive, answered)
