"""`GET /metrics`: written beside the event loop, on a connection of its own, and in small bites.

A figure of money is never older than the question for it, which may follow a payment: every page
reads the ledger anew, and shares nothing with the last but lines whose figures have not moved.
"""

import asyncio
import os
import time
from collections.abc import Iterable
from dataclasses import dataclass

from prometheus_client import Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from proxy.exposition import Dialect, Page
from proxy.ledger.reader import Reader
from proxy.ledger.session import Session
from proxy.ledger.writer import Writer
from proxy.metrics import Metrics
from proxy.money_metrics import MoneyMetrics


class Pace:
    """Lets others go first: a thread that computes takes Python's lock for 5 ms at a time."""

    WORK_S, REST_S = 0.0005, 0.001

    def __init__(self) -> None:
        self._since_s = time.perf_counter()

    def __call__(self) -> None:
        """Rest, if enough was done since the last rest."""
        if time.perf_counter() - self._since_s > self.WORK_S:
            time.sleep(self.REST_S)
            self._since_s = time.perf_counter()


@dataclass
class Scrape:
    """Writes traffic of this process (of all workers, where there are several) and the money."""

    metrics: Metrics
    writer: Writer
    reader: Reader
    series_max: int

    def __post_init__(self) -> None:
        self._pages: dict[Dialect, Page] = {}
        self._next: dict[Dialect, asyncio.Task[bytes]] = {}  # not begun yet: may still be joined

    async def __call__(self, accept: str) -> tuple[bytes, str]:
        """Write for an `Accept` header; the body and its content type.

        Raises:
            LedgerFault: the money cannot be read, and half of the figures would mislead.
        """
        dialect = Dialect.accepted(accept)
        page = self._next.get(dialect)
        if page is None:
            page = self._next[dialect] = asyncio.create_task(self._written(dialect))
        return await asyncio.shield(page), dialect.content_type

    async def _written(self, dialect: Dialect) -> bytes:
        me = asyncio.current_task()

        def write(session: Session) -> bytes:
            self._next.pop(dialect, None)
            page = self._pages.setdefault(dialect, Page(dialect, Pace()))
            pace = Pace()
            money = MoneyMetrics(session, self.writer.directory, self.series_max, pace)
            return page.write([*self._traffic().collect(), *money.collect()])

        try:
            return await self.reader.ask(write)
        finally:
            if self._next.get(dialect) is me:  # it never began
                del self._next[dialect]

    def _traffic(self) -> Collector:
        return Workers(self.metrics) if "PROMETHEUS_MULTIPROC_DIR" in os.environ else self.metrics


@dataclass(frozen=True, eq=False)
class Workers(Collector):
    """The traffic of all workers, and the names of metrics that none of them has a figure for."""

    metrics: Metrics

    def collect(self) -> Iterable[Metric]:
        """Yield every family."""
        summed = {m.name: m for m in MultiProcessCollector(None).collect()}  # type: ignore[no-untyped-call]
        for family in self.metrics.collect():
            bare = Metric(family.name, family.documentation, family.type)
            yield summed.get(family.name, bare)
