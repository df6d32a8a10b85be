"""Every metric of traffic: its name, help and labels, once. Money is read from the ledger.

Children are bound once and kept: looking a label up costs four times the increment.
"""

from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Metric,
    disable_created_metrics,
)
from prometheus_client.registry import Collector

from proxy.series_file import give_place

disable_created_metrics()  # type: ignore[no-untyped-call]
give_place()

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 150, 600)
OVERHEAD = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1, 5)
GENERATION = (1, 2, 4, 6, 8, 10, 15, 20, 30, 45, 60, 90, 120, 180, 300, 600, 1800)
BATCHES = (1, 2, 4, 8, 16, 32, 64, 128, 256)


class Family:
    """One metric as it is announced; `make` registers it."""

    def __init__(
        self, kind: Callable[..., Any], name: str, words: str, *labels: str, **more: Any
    ) -> None:
        self.kind, self.name, self.words, self.labels, self.more = kind, name, words, labels, more

    def make(self, registry: CollectorRegistry) -> Any:
        """Return the metric, or with labels the function that finds a child of it."""
        made = self.kind(self.name, self.words, self.labels, registry=registry, **self.more)
        return lru_cache(maxsize=20_000)(made.labels) if self.labels else made


class Metrics(Collector):
    """The counters, gauges and histograms of one process."""

    requests: Any = Family(
        Counter, "farebox_requests", "Calls answered, by route and status.", "route", "status"
    )
    seconds: Any = Family(
        Histogram, "farebox_request_duration_seconds", "From a call's head to its answer.",
        "route", buckets=SECONDS,
    )  # fmt: skip
    overhead: Any = Family(
        Histogram, "farebox_overhead_seconds", "What of a call was not the upstream.",
        "route", buckets=OVERHEAD,
    )  # fmt: skip
    upstream: Any = Family(
        Histogram, "farebox_upstream_duration_seconds", "Waiting for the upstream's answer.",
        "route", "model", buckets=SECONDS,
    )  # fmt: skip
    generation: Any = Family(
        Histogram, "farebox_generation_duration_seconds",
        "From an image's admission to its completion being seen.",
        "model", "resolution", buckets=GENERATION,
    )  # fmt: skip
    in_flight: Any = Family(
        Gauge, "farebox_in_flight_requests", "Calls being answered now.", "route",
        multiprocess_mode="livesum",
    )  # fmt: skip
    refusals: Any = Family(
        Counter, "farebox_refusals", "Calls that Farebox refused, and shadow refusals.",
        "team", "key", "reason",
    )  # fmt: skip
    unpriced: Any = Family(
        Counter, "farebox_unpriced", "Calls relayed or refused for want of a price.", "reason"
    )
    upstream_errors: Any = Family(
        Counter, "farebox_upstream_errors", "What went wrong at the upstream, by kind.", "kind"
    )
    reconciler_polls: Any = Family(
        Counter, "farebox_reconciler_polls", "Looks of the reconciler, by what they saw.", "result"
    )
    commit_seconds: Any = Family(
        Histogram, "farebox_ledger_commit_seconds", "One commit of the ledger.", buckets=SECONDS
    )
    batch_size: Any = Family(
        Histogram, "farebox_ledger_batch_size", "Operations in one commit.", buckets=BATCHES
    )
    ledger_errors: Any = Family(
        Counter, "farebox_ledger_errors", "Reads and writes of the ledger that failed.", "kind"
    )
    clock_steps: Any = Family(
        Counter, "farebox_clock_steps", "Times the host's clock was set by more than five minutes."
    )
    series_overflow: Any = Family(
        Counter, "farebox_series_overflow",
        "Series above FAREBOX_METRICS_SERIES_MAX, at each scrape: `spend` goes to `other`, a"
        " `budget` is left out.",
        "metric",
    )  # fmt: skip

    def __init__(self, registry: CollectorRegistry) -> None:
        self.registry = registry
        for name, family in vars(Metrics).items():
            if isinstance(family, Family):
                setattr(self, name, family.make(registry))

    def collect(self) -> Iterable[Metric]:
        """Yield every family."""
        return self.registry.collect()
