"""Write docs/reference/metrics.md from the metrics themselves."""

import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

from prometheus_client import CollectorRegistry, Metric
from prometheus_client.registry import Collector

from proxy.exposition import Measured
from proxy.ledger.schema import migrate, open_session
from proxy.ledger.store import Store
from proxy.metrics import Metrics
from proxy.money_metrics import MoneyMetrics

HEAD: Final = """\
# Metrics

Written by `make docs` from `proxy/metrics.py` and `proxy/money_metrics.py`; change it there.

`GET /metrics` speaks Prometheus text and OpenMetrics, packed with gzip for who accepts that, as
Prometheus does. On any bind but the loopback it needs the
admin token (`FAREBOX_METRICS_AUTH`). Every metric is announced from the start, also without a
series.

Money is read from the ledger at every scrape: it survives restarts and is the same from every
worker and node, so aggregate `max without (instance)` first, then sum. Counters never fall; a
correction downwards has a counter of its own. Traffic is counted in the process (over all workers
of a node) and starts at 0 with it; what another worker answered shows after a tenth of a second.

Labels come from the price table and the list of keys, all else is `other`; above
`FAREBOX_METRICS_SERIES_MAX` the smallest series fold into `key="other"`. An unlimited budget has
no series. `route` is `submit`, `poll`, `relay`, `budget` (also `/quote`), `admin` or `page`;
scrapes and probes are not counted. What the edge refuses before it is a call (400, 408, 431, or
503 for a connection too many) counts as `relay`, its refusal under no team and `key="other"`.
"""
TABLE: Final = "\n| metric | type | labels | meaning |\n|---|---|---|---|\n"


class _Seen(CollectorRegistry):
    """A registry that keeps what is registered, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[Any] = []

    def register(self, collector: Collector) -> None:
        """Keep it."""
        self.seen.append(collector)
        super().register(collector)


def page() -> str:
    """Return the reference page."""
    registry = _Seen()
    Metrics(registry)
    money = "".join(_row(family, family.labels) for family in _money())
    traffic = "".join(_traffic(registry.seen))
    return (
        f"{HEAD}\n## Money, from the ledger\n{TABLE}{money}"
        f"\n## Traffic, from the process\n{TABLE}{traffic}"
    )


def _traffic(seen: Iterable[Any]) -> Iterator[str]:
    for one in seen:
        (family,) = one.collect()
        yield _row(family, one._labelnames)  # noqa: SLF001 - said nowhere else before a series


def _money() -> list[Measured]:
    """Read the families of an empty ledger."""
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/farebox.db"
        migrate(url)
        store = Store(open_session(url))
        store.open()
        try:
            return MoneyMetrics(store.session, store.directory, 1).collect()
        finally:
            store.session.close()


def _row(family: Measured | Metric, labels: Iterable[str]) -> str:
    name = family.name + ("_total" if family.type == "counter" else "")
    shown = ", ".join(f"`{label}`" for label in labels)
    return f"| `{name}` | {family.type} | {shown} | {family.documentation} |\n"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(page(), encoding="utf-8")
