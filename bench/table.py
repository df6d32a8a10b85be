"""The samples as a table a cell, and the ratios that the goals are about."""

from collections import defaultdict
from statistics import median

from bench.cells import Sample
from bench.goals import GOALS, Finding, found
from bench.peers import BARE, BOOKED

HEAD = (
    "| proxy | CPU ms a call (min to max) | CPU, Farebox = 1 | calls/s | p50 ms | p99 ms | failed |"
)
US = "farebox"
Cells = dict[str, dict[str, list[Sample]]]


def by_cell(samples: list[Sample]) -> Cells:
    """Sort samples by cell and peer, in the order of their rounds."""
    cells: Cells = defaultdict(lambda: defaultdict(list))
    for sample in samples:
        cells[sample.cell][sample.peer].append(sample)
    return cells


def findings(samples: list[Sample]) -> list[Finding]:
    """Compare Farebox with each peer, round by round: the ratio of what stood side by side.

    A peer that failed in a round has no ratios: nobody knows which of its samples stood where.
    """
    told = []
    for cell, peers in by_cell(samples).items():
        kind = cell.partition("@")[0]
        for name, theirs in peers.items():
            whole = len(theirs) == len(peers.get(US, []))
            if f"{kind}/{name}" in GOALS and cell.endswith("@32") and whole:
                pairs = list(zip(peers[US], theirs, strict=True))
                told.append(found(f"{kind}/{name}", *(_ratio(name, *pair) for pair in pairs)))
        told += _within_reach(kind, peers.get(BOOKED, []), peers.get(BARE, []))
    return told


def _within_reach(kind: str, booked: list[Sample], bare: list[Sample]) -> list[Finding]:
    """Say what share of a bare pass-through's calls is left to one that only books them."""
    if not booked or len(booked) != len(bare):
        return []
    shares = [_ratio(BARE, *pair) for pair in zip(booked, bare, strict=True)]
    return [found(f"{kind}/most", *shares)]


def _ratio(name: str, ours: Sample, theirs: Sample) -> float:
    if name in {BARE, BOOKED}:
        return ours.load.a_second / max(theirs.load.a_second, 1e-9)
    ratio = ours.cpu_ms / max(theirs.cpu_ms, 1e-9)
    less = GOALS[f"{ours.cell.partition('@')[0]}/{name}"].least
    return 1 / max(ratio, 1e-9) if less else ratio


def written(samples: list[Sample]) -> str:
    """Write one table a cell, cheapest first."""
    return "\n".join(_cell(name, peers) for name, peers in by_cell(samples).items())


def _cell(name: str, peers: dict[str, list[Sample]]) -> str:
    ours = median(s.cpu_ms for s in peers[US]) if US in peers else 0.0
    rows = sorted(peers.items(), key=lambda pair: median(s.cpu_ms for s in pair[1]))
    lines = [f"**{name}**", "", HEAD, "|---|---|---|---|---|---|---|"]
    lines += [_row(peer, found, ours) for peer, found in rows]
    return "\n".join(lines) + "\n"


def _row(peer: str, found: list[Sample], ours: float) -> str:
    cpu = [s.cpu_ms for s in found]
    ratio = f"{median(cpu) / ours:.2f}" if ours else ""
    return (
        f"| {peer} | {median(cpu):.3f} ({min(cpu):.3f} to {max(cpu):.3f}) | {ratio}"
        f" | {median(s.load.a_second for s in found):.0f}"
        f" | {median(s.load.p50_ms for s in found):.2f}"
        f" | {median(s.load.p99_ms for s in found):.1f} | {sum(s.load.failed for s in found)} |"
    )
