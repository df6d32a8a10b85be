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

disable_created_metrics()  # type: ignore[no-untyped-call]

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 150, 600)
OVERHEAD = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1, 5)
GENERATION = (1, 2, 4, 6, 8, 10, 15, 20, 30, 45, 60, 90, 120, 180, 300, 600, 1800)
BATCHES = (1, 2, 4, 8, 16, 32, 64, 128, 256)


class Metrics(Collector):
    """The counters, gauges and histograms of one process."""

    def collect(self) -> Iterable[Metric]:
        """Yield every family."""
        return self.registry.collect()

    def __init__(self, registry: CollectorRegistry) -> None:
        self.registry = registry

        def make(kind: Callable[..., Any], name: str, words: str, *labels: str, **more: Any) -> Any:
            return (
                lru_cache(maxsize=20_000)(
                    kind(name, words, labels, registry=registry, **more).labels
                )
                if labels
                else kind(name, words, registry=registry, **more)
            )

        self.requests = make(
            Counter, "farebox_requests", "Calls answered, by route and status.", "route", "status"
        )
        self.seconds = make(
            Histogram, "farebox_request_duration_seconds", "From a call's head to its answer.",
            "route", buckets=SECONDS,
        )  # fmt: skip
        self.overhead = make(
            Histogram, "farebox_overhead_seconds", "What of a call was not the upstream.",
            "route", buckets=OVERHEAD,
        )  # fmt: skip
        self.upstream = make(
            Histogram, "farebox_upstream_duration_seconds", "Waiting for the upstream's answer.",
            "route", "model", buckets=SECONDS,
        )  # fmt: skip
        self.generation = make(
            Histogram, "farebox_generation_duration_seconds",
            "From an image's admission to its completion being seen.",
            "model", "resolution", buckets=GENERATION,
        )  # fmt: skip
        self.in_flight = make(
            Gauge, "farebox_in_flight_requests", "Calls being answered now.", "route",
            multiprocess_mode="livesum",
        )  # fmt: skip
        self.refusals = make(
            Counter, "farebox_refusals", "Calls that Farebox refused, and shadow refusals.",
            "team", "key", "reason",
        )  # fmt: skip
        self.unpriced = make(
            Counter, "farebox_unpriced", "Calls relayed or refused for want of a price.", "reason"
        )
        self.upstream_errors = make(
            Counter, "farebox_upstream_errors", "What went wrong at the upstream, by kind.", "kind"
        )
        self.reconciler_polls = make(
            Counter, "farebox_reconciler_polls", "Looks of the reconciler, by what they saw.",
            "result",
        )  # fmt: skip
        self.commit_seconds = make(
            Histogram, "farebox_ledger_commit_seconds", "One commit of the ledger.", buckets=SECONDS
        )
        self.batch_size = make(
            Histogram, "farebox_ledger_batch_size", "Operations in one commit.", buckets=BATCHES
        )
        self.ledger_errors = make(
            Counter, "farebox_ledger_errors", "Reads and writes of the ledger that failed.", "kind"
        )
