"""`GET /metrics`: rendered beside the event loop, on a connection of its own.

A scrape of ten thousand series takes a third of a second: on the connection that polls wait
for, it would hold them up. Nothing is kept for the next scrape, which may follow a payment.
"""

import os
from collections.abc import Iterable
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from proxy.ledger.reader import Reader
from proxy.ledger.session import Session
from proxy.ledger.writer import Writer
from proxy.metrics import Metrics
from proxy.money_metrics import MoneyMetrics


@dataclass(frozen=True)
class Scrape:
    """Renders traffic of this process (of all workers, where there are several) and the money."""

    metrics: Metrics
    writer: Writer
    reader: Reader
    series_max: int

    async def __call__(self, accept: str) -> tuple[bytes, str]:
        """Render for an `Accept` header; the body and its content type.

        Raises:
            LedgerFault: the money cannot be read, and half of the figures would mislead.
        """
        encode, content_type = choose_encoder(accept)

        def render(session: Session) -> bytes:
            registry = CollectorRegistry(auto_describe=False)
            registry.register(self._traffic())
            registry.register(MoneyMetrics(session, self.writer.directory, self.series_max))
            return encode(registry)

        return await self.reader.ask(render), content_type

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
