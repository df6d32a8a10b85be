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
from typing import Final, Self

from proxy.exposition import Dialect, Sampled
from proxy.ledger.reader import Reader
from proxy.ledger.session import Session
from proxy.ledger.writer import Writer
from proxy.metrics import Metrics
from proxy.money_metrics import MoneyMetrics
from proxy.pages import Pages
from proxy.scribe import Scribe
from proxy.scribe_line import told
from proxy.summed import Workers
from proxy.tallies import Tallies

LARGE: Final = 4_000  # lines, above which the next page is written by the scribe
IDLE_S: Final = 600.0  # after which nobody seems to scrape any more


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
    scribe: Scribe

    def __post_init__(self) -> None:
        folder = counts_folder()
        self._workers = Workers(self.metrics, Path(folder)) if folder else None
        self._pages = Pages()
        self._next: dict[
            Dialect, asyncio.Task[list[bytes]]
        ] = {}  # not begun yet: may still be joined
        self._rest: asyncio.TimerHandle | None = None

    async def __call__(self, dialect: Dialect) -> list[bytes]:
        """Write a page, in pieces: the caller's own list.

        Raises:
            LedgerFault: the money cannot be read, and half of the figures would mislead.
        """
        self.tallies.flush()
        self._rest_later()
        page = self._next.get(dialect)
        if page is None:
            page = self._next[dialect] = asyncio.create_task(self._written(dialect))
        return list(await asyncio.shield(page))

    def _rest_later(self) -> None:
        """Keep the scribe only while it is asked."""
        if self._rest is not None:
            self._rest.cancel()

        def rest() -> None:
            self._resting = asyncio.create_task(self.reader.ask(lambda _: self.scribe.end()))

        self._rest = asyncio.get_running_loop().call_later(IDLE_S, rest)

    async def _written(self, dialect: Dialect) -> list[bytes]:
        me = asyncio.current_task()

        def write(session: Session) -> list[bytes]:
            self._next.pop(dialect, None)
            return self._write(dialect, session)

        try:
            return await self.reader.ask(write)
        finally:
            if self._next.get(dialect) is me:  # it never began
                del self._next[dialect]

    def _write(self, dialect: Dialect, session: Session) -> list[bytes]:
        """Have the page written by the scribe, or do it here."""
        overflow = Overflow(self.metrics)

        def counted(folded: int, left_out: int) -> list[bytes]:
            overflow.count(folded, left_out)
            if self._workers is not None:
                return []
            with Pace() as pace:
                return told(self._traffic(pace), pace)

        page = self.scribe.page(dialect, counted)
        return self._write_here(dialect, session, overflow) if page is None else page

    def _write_here(self, dialect: Dialect, session: Session, overflow: "Overflow") -> list[bytes]:
        with Pace() as pace:
            money = MoneyMetrics(session, self.writer.directory, self.series_max, pace)
            read = money.collect()
            overflow.count(money.folded, money.left_out)
            families = [*self._traffic(pace), *read]
            lines = sum(len(family.figures) for family in families)
            pieces = self._pages.write(dialect, families, pace)
        if lines > LARGE:
            self.scribe.start(dialect)
        return pieces

    def _traffic(self, pace: Pace) -> Iterable[Sampled]:
        """Read the counts of this process, or of all that there are."""
        if self._workers is not None:
            return self._workers.collect(pace)
        return map(Sampled.of, self.metrics.collect())


@dataclass
class Overflow:
    """Counts what found no room on one page, once, however often the page is begun."""

    metrics: Metrics
    _counted: bool = False

    def count(self, folded: int, left_out: int) -> None:
        """Count series of sales that were folded, and budgets that were left out."""
        if not self._counted:
            self._counted = True
            self.metrics.series_overflow("spend").inc(folded)
            self.metrics.series_overflow("budget").inc(left_out)


def counts_folder() -> str:
    """Name the folder where several workers count, each in files of its own; empty with one."""
    return os.environ.get("PROMETHEUS_MULTIPROC_DIR", "")
