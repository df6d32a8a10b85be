"""`python -m bench [--rounds N] [--seconds S] [--only NAME,…] [--cells poll@32,submit@32]`."""

import argparse
import contextlib
import shutil
import sys
import tempfile
from pathlib import Path

from bench.cells import CELLS, Cell, Sample, measured
from bench.peers import PEERS, Peer, found
from bench.table import written
from bench.upstream import serving

NEEDED = ("wrk", "nginx")  # the load, and the upstream that answers it


def main() -> int:
    """Run every peer in turn, forwards and backwards, and print ratios of medians."""
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--only", default="")
    parser.add_argument("--cells", default="poll@32,submit@32,poll@1,submit@1")
    told = parser.parse_args()
    if missing := [name for name in NEEDED if shutil.which(name) is None]:
        sys.stderr.write(f"bench needs {' and '.join(missing)} (Debian has both)\n")
        return 2
    wanted = [name for name in told.only.split(",") if name]
    peers = [peer for peer in PEERS if found(peer) and (not wanted or peer.name in wanted)]
    cells = [CELLS[name] for name in told.cells.split(",")]
    samples = run(peers, cells, rounds=told.rounds, seconds=told.seconds)
    sys.stdout.write(written(samples))
    return 0


def run(peers: list[Peer], cells: list[Cell], *, rounds: int, seconds: float) -> list[Sample]:
    """Measure A to Z, then Z to A, and so on; bounded in count and time."""
    samples: list[Sample] = []
    with tempfile.TemporaryDirectory(prefix="farebox-bench-") as name, contextlib.ExitStack() as on:
        folder = Path(name)
        upstream = on.enter_context(serving(folder))
        for turn in range(rounds):
            for peer in peers if turn % 2 == 0 else reversed(peers):
                samples += measured(peer, cells, folder, upstream, seconds)
                sys.stderr.write(f"round {turn + 1}: {peer.name}\n")
    return samples


if __name__ == "__main__":
    raise SystemExit(main())
