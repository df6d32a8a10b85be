"""`GET /metrics`: rendered beside the event loop, kept for a second."""

import os
import time
from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from prometheus_client.multiprocess import MultiProcessCollector

from proxy.fares import Fares
from proxy.ledger.session import Session
from proxy.metrics import Metrics
from proxy.money_metrics import MoneyMetrics

KEPT_S = 1.0


@dataclass
class Scrape:
    """Renders traffic of this process (of all workers, where there are several) and the money."""

    metrics: Metrics
    fares: Fares
    series_max: int
    _kept: dict[str, tuple[float, bytes]] = field(default_factory=dict)

    async def __call__(self, accept: str) -> tuple[bytes, str]:
        """Render for an `Accept` header; the body and its content type.

        Raises:
            LedgerFault: the money cannot be read, and half of the figures would mislead.
        """
        encode, content_type = choose_encoder(accept)
        kept = self._kept.get(content_type)
        if kept is not None and time.monotonic() - kept[0] < KEPT_S:
            return kept[1], content_type

        def render(session: Session) -> bytes:
            registry = self._traffic()
            directory = self.fares.writer.directory
            registry.register(MoneyMetrics(session, directory, self.series_max))
            return encode(registry)

        body = await self.fares.reader.ask(render)
        self._kept[content_type] = time.monotonic(), body
        return body, content_type

    def _traffic(self) -> CollectorRegistry:
        registry = CollectorRegistry(auto_describe=False)
        if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
            MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        else:
            registry.register(self.metrics)
        return registry
