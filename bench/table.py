"""The samples as a table: medians, spread, and ratios against Farebox."""

from collections import defaultdict
from statistics import median

from bench.cells import Sample

HEAD = (
    "| proxy | CPU ms a call (min to max) | CPU, Farebox = 1 | calls/s | p50 ms | p99 ms | failed |"
)


def written(samples: list[Sample]) -> str:
    """Write one table a cell, cheapest first."""
    by_cell: dict[str, dict[str, list[Sample]]] = defaultdict(lambda: defaultdict(list))
    for sample in samples:
        by_cell[sample.cell][sample.peer].append(sample)
    return "\n".join(_cell(name, peers) for name, peers in by_cell.items())


def _cell(name: str, peers: dict[str, list[Sample]]) -> str:
    ours = median(s.cpu_ms for s in peers["farebox"]) if "farebox" in peers else 0.0
    rows = sorted(peers.items(), key=lambda pair: median(s.cpu_ms for s in pair[1]))
    lines = [f"**{name}**", "", HEAD, "|---|---|---|---|---|---|---|"]
    lines += [_row(peer, found, ours) for peer, found in rows]
    return "\n".join(lines) + "\n"


def _row(peer: str, found: list[Sample], ours: float) -> str:
    cpu = [s.cpu_ms for s in found]
    ratio = f"{median(cpu) / ours:.2f}" if ours else ""
    return (
        f"| {peer} | {median(cpu):.3f} ({min(cpu):.3f} to {max(cpu):.3f}) | {ratio}"
        f" | {median(s.a_second for s in found):.0f} | {median(s.p50_ms for s in found):.2f}"
        f" | {median(s.p99_ms for s in found):.1f} | {sum(s.failed for s in found)} |"
    )
