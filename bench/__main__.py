"""The whole comparison in one command: every row of the goals, then where the time goes.

    python -m bench [--rounds 3] [--seconds 2] [--parts peers,latency,…] [--only NAME,…] [--long]

About twelve minutes. `--parts` runs some of it, `--only` compares with some peers, `--cells`
measures other numbers of connections; `--long` fills a ledger with three million charges as well.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import httpx

from bench import (
    bodies,
    crowd,
    growth,
    latency,
    ledger,
    machine,
    many,
    profile,
    table,
    workers,
)  # fmt: skip
from bench.cells import CELLS, Sample, measured
from bench.goals import Finding, found, written
from bench.install import where
from bench.peers import FAREBOX, PEERS
from bench.peers import found as is_here
from bench.processes import raise_descriptor_limit
from bench.session import SCRATCH, Session
from bench.upstream import serving

NEEDED = ("wrk", "nginx", "taskset")  # the load, the upstream that answers it, a core for each
SCRAPE_ROUNDS = 9
FAULTS = (RuntimeError, OSError, httpx.HTTPError, subprocess.CalledProcessError)
P99 = re.compile(r"^(beside|during|neighbour) .* p99 +\S+ ms \( *([\d.]+)x\)", re.MULTILINE)


def main() -> int:
    """Run the parts in turn; print tables as they come, and the goals at the end."""
    told = arguments()
    if missing := [name for name in NEEDED if where(name) is None]:
        sys.stderr.write(f"bench needs {', '.join(missing)} (Debian has them)\n")
        return 2
    raise_descriptor_limit()
    started, code = time.monotonic(), machine.code()
    print(machine.described(), flush=True)
    findings: list[Finding] = []
    with tempfile.TemporaryDirectory(prefix="farebox-bench-", dir=SCRATCH) as name:
        folder = Path(name)
        with serving(folder) as upstream:
            session = Session(folder, upstream, told.rounds, told.seconds)
            for part in told.parts:
                sys.stderr.write(f"{part}, after {time.monotonic() - started:.0f} s\n")
                findings += _part(part, session, told)
    if findings:
        print(written(findings))
    if machine.code() != code:
        print("Farebox's code changed while this ran: these figures are of no one program.")
    sys.stderr.write(f"done after {time.monotonic() - started:.0f} s\n")
    return 0


def arguments() -> argparse.Namespace:
    """Read what to run; names that nobody knows are refused."""
    parser = argparse.ArgumentParser(prog="bench", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=2.0, help="of each measurement")
    parser.add_argument("--parts", default="", help=", ".join(PARTS))
    parser.add_argument("--only", default="", help="peers, Farebox always")
    parser.add_argument("--cells", default="poll@32,submit@32", help=", ".join(CELLS))
    parser.add_argument("--long", action="store_true", help="with three million charges too")
    told = parser.parse_args()
    known = {"parts": PARTS, "only": [peer.name for peer in PEERS], "cells": CELLS}
    for option, names in known.items():
        wanted = [name for name in getattr(told, option).split(",") if name]
        if unknown := [name for name in wanted if name not in names]:
            parser.error(f"--{option}: nobody knows {', '.join(unknown)}")
        setattr(told, option, wanted)
    told.parts = told.parts or [part for part in PARTS if told.long or part != "growth"]
    return told


def _part(part: str, session: Session, told: argparse.Namespace) -> list[Finding]:
    """Run one part; a part that cannot be measured says so and leaves the others alone."""
    try:
        if part == "peers":
            return beside_peers(session, told.only, told.cells)
        return PARTS[part](session)
    except FAULTS as error:
        _unmeasured(part, error)
        return []


def _unmeasured(what: str, error: Exception) -> None:
    notes = "\n".join(getattr(error, "__notes__", []))
    sys.stderr.write(f"  {what} was not measured: {error!r}\n{notes}\n")


def beside_peers(session: Session, only: list[str], cells: list[str]) -> list[Finding]:
    """Measure every peer in turn, forwards and backwards."""
    peers = [
        peer
        for peer in PEERS
        if is_here(peer) and (not only or peer.name in only or peer is FAREBOX)
    ]
    chosen, samples = [CELLS[name] for name in cells], list[Sample]()
    absent = [peer.name for peer in PEERS if not is_here(peer)]
    if absent:
        sys.stderr.write(f"  not here (`make bench-peers`): {', '.join(absent)}\n")
    for turn in session.turns("peers"):
        for peer in peers if turn % 2 == 0 else reversed(peers):
            sys.stderr.write(f"    {peer.name}\n")
            try:
                samples += measured(peer, chosen, session.folder, session.upstream, session.seconds)
            except FAULTS as error:
                _unmeasured(peer.name, error)
    print(table.written(samples), flush=True)
    return table.findings(samples)


def beside_scrapes(_: Session) -> list[Finding]:
    """Poll while Prometheus scrapes, in a process of its own; how far the polls' p99 moved."""
    told = subprocess.run(
        [sys.executable, "-m", "bench.scrape", "--rounds", str(SCRAPE_ROUNDS)],
        check=True, stdout=subprocess.PIPE, text=True, env=os.environ,
    ).stdout  # fmt: skip
    print(told, flush=True)
    return [found(f"scrape/{when}", float(ratio)) for when, ratio in P99.findall(told)]


def where_time_goes(session: Session) -> list[Finding]:
    """Print the profile; there is no goal for it."""
    kinds = profile.KINDS.split(",")
    print(profile.watched(session.folder, session.upstream, kinds, profile.SECONDS), flush=True)
    return []


# Growth takes minutes and gigabytes: only if it is asked for.
PARTS: dict[str, Callable[[Session], list[Finding]]] = {
    "peers": lambda session: beside_peers(session, [], ["poll@32", "submit@32"]),
    "latency": latency.findings,
    "crowd": crowd.findings,
    "many": lambda session: many.findings(session.folder),
    "bodies": bodies.findings,
    "ledger": ledger.findings,
    "scrape": beside_scrapes,
    "workers": workers.findings,
    "growth": lambda _: growth.findings(),
    "profile": where_time_goes,
}

if __name__ == "__main__":
    raise SystemExit(main())
