"""The traffic of all workers: what each counts in a file of its own, added up.

`prometheus_client` makes sense of the name and labels of every series anew at each scrape; here
it is done once a series. Every metric of ours is a sum: counters, the buckets of histograms, and
the calls in flight, whose files go with the workers that kept them.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from prometheus_client.mmap_dict import MmapedDict

from proxy.exposition import Sampled, Series
from proxy.metrics import Metrics


class _Named(NamedTuple):
    """What a key of a file says: a series, and the labels that it shares with its histogram."""

    family: str
    series: Series
    child: Series


Counted = tuple[_Named, float]


class Workers:
    """Reads what the workers of this node have counted."""

    def __init__(self, metrics: Metrics, folder: Path) -> None:
        self._folder = folder
        self._families = [(m.name, m.type, m.documentation) for m in metrics.collect()]
        self._named: dict[str, _Named] = {}

    def collect(self, pause: Callable[[], None] = lambda: None) -> Iterator[Sampled]:
        """Yield every family, also those that nobody has counted in; `pause` is called between."""
        found = self._found(pause)
        for name, kind, words in self._families:
            counted = found.get(name, [])
            samples = _cumulated(name, counted) if kind == "histogram" else _plain(counted)
            yield Sampled(name, kind, words, figures=samples)

    def _found(self, pause: Callable[[], None]) -> dict[str, list[Counted]]:
        """Add up the figures of all files, by family."""
        sums: dict[str, float] = {}
        for path in sorted(self._folder.glob("*.db")):
            with suppress(FileNotFoundError):  # the gauges of a worker that has died just now
                for key, figure, *_ in MmapedDict.read_all_values_from_file(path):  # type: ignore[no-untyped-call]
                    sums[key] = sums.get(key, 0.0) + figure
            pause()
        found: dict[str, list[Counted]] = {}
        for key, figure in sums.items():
            named = self._named.get(key)
            if named is None:
                named = self._named[key] = _named(key)
            found.setdefault(named.family, []).append((named, figure))
        return found


def _named(key: str) -> _Named:
    family, name, labels, _ = json.loads(key)
    child = tuple((label, value) for label, value in labels.items() if label != "le")
    return _Named(family, (name, *labels.items()), child)


def _plain(counted: list[Counted]) -> dict[Series, float]:
    return {named.series: figure for named, figure in counted}


def _cumulated(name: str, counted: list[Counted]) -> dict[Series, float]:
    """Add each bucket to the smaller ones, which come before it in every file."""
    children: dict[Series, dict[Series, float]] = {}
    totals: dict[Series, float] = {}
    sums: dict[Series, float] = {}
    for (_, series, child), figure in counted:
        if series[0] == f"{name}_bucket":
            totals[child] = totals.get(child, 0.0) + figure
            children.setdefault(child, {})[series] = totals[child]
        else:
            sums[child] = figure
    samples: dict[Series, float] = {}
    for child, buckets in children.items():
        samples |= buckets
        samples[f"{name}_count", *child] = totals[child]
        samples[f"{name}_sum", *child] = sums.get(child, 0.0)
    return samples
