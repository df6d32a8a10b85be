"""What a scribe does: `python -m proxy.scribing`, with a line to its worker for a stdin.

It reads the ledger itself, for every page anew and after it was asked; of its worker it learns
what only that one counts. It ends when the line does.
"""

import contextlib
import os
import socket
from collections.abc import Sequence
from pathlib import Path

from prometheus_client import CollectorRegistry

from proxy.exposition import Dialect, Measured
from proxy.ledger.schema import open_session
from proxy.ledger.session import LedgerFault
from proxy.ledger.store import Store
from proxy.metrics import Metrics
from proxy.money_metrics import MoneyMetrics
from proxy.pages import Pages
from proxy.private_memory import keep_memory_private
from proxy.scribe_line import Line, Terms, heard
from proxy.summed import Workers


class Scribing:
    """Writes pages for the worker at the other end of the line."""

    def __init__(self, line: Line, terms: Terms) -> None:
        self._line, self._terms = line, terms
        self._store: Store | None = None
        self._pages = Pages()
        folder = terms.counts
        self._workers = Workers(Metrics(CollectorRegistry()), Path(folder)) if folder else None

    def prepare(self, dialect: Dialect) -> None:
        """Write a page for nobody: the first one costs four times a later one."""
        with contextlib.suppress(LedgerFault):
            self._pages.write(dialect, self._money()[1])

    def write(self, dialect: Dialect) -> None:
        """Write one page."""
        try:
            money, families = self._money()
        except LedgerFault:
            self._line.tell(None)
            return
        self._line.tell([money.folded, money.left_out])
        traffic = self._traffic()
        self._line.send_page(self._pages.write(dialect, [*traffic, *families]))

    def _money(self) -> tuple[MoneyMetrics, list[Measured]]:
        store = self._opened()
        with store.session.snapshot():
            store.refresh()
        money = MoneyMetrics(store.session, store.directory, self._terms.series_max)
        return money, money.collect()

    def _opened(self) -> Store:
        if self._store is None:
            terms = self._terms
            self._store = Store(
                open_session(terms.database_url, read_only=True),
                timezone=terms.timezone,
                default_daily_micros=terms.default_daily_micros,
            )
        return self._store

    def _traffic(self) -> Sequence[Measured]:
        """Take what the worker counted, or read what all of them did."""
        counted = heard(iter(self._line.hear, None))
        return counted if self._workers is None else list(self._workers.collect())


def main() -> None:
    """Write page after page until the worker is gone."""
    keep_memory_private()
    line = Line(socket.socket(fileno=0))
    with contextlib.suppress(ConnectionError):
        scribing = Scribing(line, Terms(*line.hear()))
        scribing.prepare(Dialect(*line.hear()))
        line.tell("ready")
        while True:
            scribing.write(Dialect(*line.hear()))
    os._exit(0)  # not closing the ledger: the last to close it would write to it, out of turn


if __name__ == "__main__":
    main()
