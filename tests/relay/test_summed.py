"""What several workers counted, added up: as `prometheus_client` does it, a few times as fast."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from proxy.exposition import Dialect, Page, Sampled
from proxy.metrics import Metrics
from proxy.summed import Workers
from tests.relay.house import ROOT

COUNTING = """
import random
import sys
from prometheus_client import CollectorRegistry
from proxy.metrics import Metrics

chance = random.Random(sys.argv[1])
metrics = Metrics(CollectorRegistry())
for _ in range(200):
    number = str(chance.randrange(9))
    metrics.refusals("art", "key-" + number, 'a "reason"').inc()
    metrics.upstream("submit", "model-" + number).observe(chance.uniform(0, 700))
    metrics.seconds("poll").observe(chance.expovariate(1))
    metrics.in_flight("poll").inc(chance.randrange(3))
    metrics.batch_size.observe(chance.randrange(300))
"""
Lines = dict[tuple[str, frozenset[tuple[str, str]]], float]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What three workers have left, of which one died."""
    found = tmp_path_factory.mktemp("counted")
    environ = os.environ | {"PROMETHEUS_MULTIPROC_DIR": str(found), "PYTHONPATH": str(ROOT)}
    for seed in ("one", "two", "three"):
        subprocess.run([sys.executable, "-c", COUNTING, seed], env=environ, check=True, timeout=60)
    next(found.glob("gauge_livesum_*.db")).unlink()
    return found


def theirs(folder: Path) -> Lines:
    """The sums as `prometheus_client` reads them."""
    metrics = MultiProcessCollector(None, str(folder)).collect()  # type: ignore[no-untyped-call]
    return {(s.name, frozenset(s.labels.items())): s.value for m in metrics for s in m.samples}


def ours(families: list[Sampled]) -> Lines:
    return {
        (series[0], frozenset(series[1:])): figure
        for family in families
        for series, figure in family.figures.items()
    }


def test_the_sums_are_those_of_prometheus_client(folder: Path) -> None:
    workers = Workers(Metrics(CollectorRegistry()), folder)
    for _ in range(2):
        assert ours(list(workers.collect())) == pytest.approx(theirs(folder))


def test_every_family_is_there_and_its_lines_are_in_order(folder: Path) -> None:
    metrics = Metrics(CollectorRegistry())
    page = Page(Dialect.accepted("application/openmetrics-text;version=1.0.0"))
    text = b"".join(page.write(Workers(metrics, folder).collect())).decode()
    read = list(text_string_to_metric_families(text))  # strict about the order of buckets
    assert [one.name for one in read] == [one.name for one in metrics.collect()]


def test_a_worker_that_is_gone_counts_in_nothing_in_flight(folder: Path) -> None:
    before = ours(list(Workers(Metrics(CollectorRegistry()), folder).collect()))
    for path in folder.glob("gauge_livesum_*.db"):
        path.unlink()
    after = ours(list(Workers(Metrics(CollectorRegistry()), folder).collect()))
    assert {name for name, _ in before.keys() - after.keys()} == {"farebox_in_flight_requests"}
