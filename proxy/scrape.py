"""`GET /metrics`: written beside the event loop, on a connection of its own, and in small bites.

A figure of money is never older than the question for it, which may follow a payment: every page
reads the ledger anew, and shares nothing with the last but lines whose figures have not moved.
"""

import asyncio
import gc
import os
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from proxy.exposition import SLICE, Dialect, Measured, Page, Sampled
from proxy.ledger.reader import Reader
from proxy.ledger.session import Session
from proxy.ledger.writer import Writer
from proxy.metrics import Metrics
from proxy.money_metrics import MoneyMetrics
from proxy.summed import Workers
from proxy.tallies import Tallies


class Pace:
    """Keeps a thread that computes from holding the event loop up.

    Python's own turns of 5 ms, and rests twice the work, tripled the slowest percent of the polls
    during a scrape of 30,000 lines; these add a third of a millisecond to it. The garbage collector
    waits meanwhile: a page is thousands of new objects and no circle, which it would look through
    for milliseconds.
    """

    TURN_S, WORK_S, REST_S = 0.0001, 0.0001, 0.001

    def __enter__(self) -> Self:
        self._usual_turn_s = sys.getswitchinterval()
        sys.setswitchinterval(self.TURN_S)
        gc.disable()
        self._since_s = time.perf_counter()
        return self

    def __call__(self) -> None:
        """Rest, if enough was done since the last rest."""
        if time.perf_counter() - self._since_s > self.WORK_S:
            time.sleep(self.REST_S)
            self._since_s = time.perf_counter()

    def __exit__(self, *_: object) -> None:
        gc.enable()
        sys.setswitchinterval(self._usual_turn_s)


@dataclass
class Scrape:
    """Writes traffic of this process (of all workers, where there are several) and the money."""

    metrics: Metrics
    writer: Writer
    reader: Reader
    series_max: int
    tallies: Tallies

    def __post_init__(self) -> None:
        folder = os.environ.get("PROMETHEUS_MULTIPROC_DIR")
        self._workers = Workers(self.metrics, Path(folder)) if folder else None
        self._pages: dict[Dialect, Page] = {}
        self._next: dict[
            Dialect, asyncio.Task[list[bytes]]
        ] = {}  # not begun yet: may still be joined

    async def __call__(self, accept: str) -> tuple[list[bytes], str]:
        """Write for an `Accept` header; the body in pieces, and its content type.

        Raises:
            LedgerFault: the money cannot be read, and half of the figures would mislead.
        """
        self.tallies.flush()
        dialect = Dialect.accepted(accept)
        page = self._next.get(dialect)
        if page is None:
            page = self._next[dialect] = asyncio.create_task(self._written(dialect))
        return await asyncio.shield(page), dialect.content_type

    async def _written(self, dialect: Dialect) -> list[bytes]:
        me = asyncio.current_task()

        def write(session: Session) -> list[bytes]:
            self._next.pop(dialect, None)
            with Pace() as pace:
                return self._write(dialect, session, pace)

        try:
            return await self.reader.ask(write)
        finally:
            if self._next.get(dialect) is me:  # it never began
                del self._next[dialect]

    def _write(self, dialect: Dialect, session: Session, pace: Pace) -> list[bytes]:
        page = self._pages.setdefault(dialect, Page(dialect))
        money = MoneyMetrics(session, self.writer.directory, self.series_max, pace)
        read = money.collect()
        self.metrics.series_overflow("spend").inc(money.folded)
        self.metrics.series_overflow("budget").inc(money.left_out)
        families = [*self._traffic(pace), *read]
        pieces = page.write(families, pace)
        _let_go(families, pace)
        return pieces

    def _traffic(self, pace: Pace) -> Iterable[Sampled]:
        """Read the counts of this process, or of all that there are."""
        if self._workers is not None:
            return self._workers.collect(pace)
        return map(Sampled.of, self.metrics.collect())


def _let_go(families: Iterable[Measured], pace: Pace) -> None:
    """Forget figures some at a time: to free thousands at once holds everybody up."""
    for family in families:
        while figures := family.figures:
            for _ in range(min(SLICE, len(figures))):
                figures.popitem()
            pace()
