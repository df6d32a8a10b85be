"""What large answers cost: 20 MB of base64, eight at a time, through Farebox and through nginx.

    python -m bench.bodies [--rounds 3] [--megabytes 20] [--at-once 8]

CPU of the proxy per megabyte, the most memory it held above its start, and when the first byte
came. The fare of each answer is settled from what it says, which is read as it passes.
"""

import argparse
import http.client
import json
import tempfile
import time
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from bench.goals import Finding, found
from bench.load import BODY
from bench.peers import FAREBOX, PEERS, Peer, Running, running
from bench.peers import found as is_here
from bench.processes import cpu_s, forget_peak, peak_bytes, resident_bytes
from bench.session import SCRATCH, Session, settled
from bench.upstream import serving

PATH = "/api/v3/google/gemini-3.1-flash-image-preview/large"
CALLS, ALONE = 24, 3
LARGE = 500_000
MEGABYTES, AT_ONCE = 20, 8


@dataclass(frozen=True)
class Taken:
    """What one proxy took: CPU ms a megabyte, MB above the start, first byte in ms.

    `early` is the first byte's share of the time of an answer that has the proxy to itself;
    `settled` the share of the fares that is decided, where there are fares.
    """

    cpu_ms: float
    memory_mb: float
    first_ms: float
    early: float
    settled: float


def answer(megabytes: int) -> str:
    """Write a sync answer with an image in it."""
    picture = {"data": [{"b64_json": "A" * (megabytes * 1_000_000)}]}
    return json.dumps({"status": "completed", **picture})


def one_ms(proxy: Running) -> tuple[float, float]:
    """Read one answer to its end; milliseconds until its head came, and until its end."""
    connection = http.client.HTTPConnection("127.0.0.1", proxy.port, timeout=60)
    started = time.perf_counter()
    headers = {"Authorization": proxy.key, "Content-Type": "application/json"}
    connection.request("POST", PATH, BODY, headers)
    response = connection.getresponse()
    first = (time.perf_counter() - started) * 1000
    count = sum(len(piece) for piece in iter(lambda: response.read(1 << 20), b""))
    connection.close()
    if response.status != http.client.OK or count < LARGE:
        raise RuntimeError(f"answered {response.status} with {count} bytes")
    return first, (time.perf_counter() - started) * 1000


def measured(peer: Peer, folder: Path, upstream: int, megabytes: int, at_once: int) -> Taken:
    """Measure one proxy: one answer after the other, then several at a time."""
    with running(peer, folder, upstream) as proxy, ThreadPoolExecutor(at_once) as callers:
        alone = [one_ms(proxy) for _ in range(ALONE)]
        early = median(first / whole for first, whole in alone)
        forget_peak(proxy.pid)
        cpu, held = cpu_s(proxy.pid), resident_bytes(proxy.pid)
        waits = list(callers.map(lambda _: one_ms(proxy)[0], range(CALLS)))
        used = (cpu_s(proxy.pid) - cpu) * 1000
        above = (peak_bytes(proxy.pid) - held) / 1e6
        decided = settled(proxy.place)[0] / (CALLS + ALONE) if peer is FAREBOX else 1.0
        return Taken(used / (CALLS * megabytes), above, median(waits), early, decided)


def all_measured(
    folder: Path, *, rounds: int, megabytes: int = MEGABYTES, at_once: int = AT_ONCE
) -> dict[str, list[Taken]]:
    """Measure Farebox, nginx and Caddy in turns."""
    rows: dict[str, list[Taken]] = defaultdict(list)
    peers = [p for p in PEERS if p.name in {"farebox", "nginx", "caddy"} and is_here(p)]
    (folder / "large.json").write_text(answer(megabytes))
    with serving(folder) as upstream:
        for turn in range(rounds):
            for peer in peers if turn % 2 == 0 else reversed(peers):
                rows[peer.name].append(measured(peer, folder, upstream, megabytes, at_once))
    return rows


def findings(session: Session) -> list[Finding]:
    """Hold Farebox's figures to nginx's."""
    rows = all_measured(session.folder, rounds=session.rounds)
    ours, theirs = rows["farebox"], rows["nginx"]
    cpu = [us.cpu_ms / them.cpu_ms for us, them in zip(ours, theirs, strict=True)]
    return [
        found("large/cpu", *cpu),
        found("large/memory", *(one.memory_mb for one in ours)),
        found("large/first", *(one.early for one in ours)),
        found("large/settled", *(one.settled for one in ours)),
    ]


def main() -> None:
    """Measure, and print a row a proxy."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--megabytes", type=int, default=MEGABYTES)
    parser.add_argument("--at-once", type=int, default=AT_ONCE)
    told = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="farebox-bench-", dir=SCRATCH) as name:
        rows = all_measured(
            Path(name), rounds=told.rounds, megabytes=told.megabytes, at_once=told.at_once
        )
    print("| proxy | CPU ms a MB | memory above start, MB | first byte ms | first byte, share |")
    print("|---|---|---|---|---|")
    for name, taken in rows.items():
        cpu, above, first, early = (
            median(getattr(one, figure) for one in taken)
            for figure in ("cpu_ms", "memory_mb", "first_ms", "early")
        )
        print(f"| {name} | {cpu:.2f} | {above:.1f} | {first:.0f} | {early:.2f} |")


if __name__ == "__main__":
    main()
