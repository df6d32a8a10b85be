"""Two workers on two cores against one, with callers and the upstream on the same cores.

Once against one worker to which both cores are open: its callers and the upstream have the second
one to themselves, while two workers share both with them, so twice is out of reach. What is within
reach is told too: how busy both cores are with one worker says how often its calls would fit into
them. And once against one worker that shares one core with them all, as two workers share two.
Afterwards the books are compared: what the callers were answered, the ledger, its own check of
itself, and what both workers' metrics say.
"""

import os
import re
import subprocess
import sys
from typing import NamedTuple

import httpx

from bench.cells import asked
from bench.goals import Finding, found
from bench.load import WARM_S, Ask, load
from bench.peers import FAREBOX, Running, running
from bench.processes import machine_cpu_s
from bench.session import Session, settled
from bench.upstream import serving

CORES = tuple(sorted(os.sched_getaffinity(0)))[:2]
CONNECTIONS = 256  # enough that neither worker waits for callers
KINDS = ("poll", "submit")
CELLS = {"one": (1, CORES), "one on a core": (1, CORES[:1]), "two": (2, CORES)}
SYNC = "/api/v3/google/gemini-3.1-flash-image-preview/done"


class Rate(NamedTuple):
    """Calls a second, and the share of all cores that was busy meanwhile."""

    a_second: float
    busy: float


def findings(session: Session) -> list[Finding]:
    """Start one worker, then two, in turns."""
    ratios: dict[str, list[float]] = {}
    differ = 0
    for turn in session.turns("two workers"):
        rates = {}
        for cell in CELLS if turn % 2 == 0 else reversed(CELLS):
            rates[cell], wrong = _measured(session, *CELLS[cell])
            differ += wrong
        for kind in KINDS:
            for cell, name in (("one", kind), ("one on a core", f"{kind} a core")):
                ratio = rates["two"][kind].a_second / rates[cell][kind].a_second
                ratios.setdefault(f"workers/{name}", []).append(ratio)
            ratios.setdefault(f"workers/most {kind}", []).append(1 / rates["one"][kind].busy)
    told = [found(name, *values) for name, values in ratios.items()]
    return [*told, found("workers/agree", differ)]


def _measured(
    session: Session, workers: int, cores: tuple[int, ...]
) -> tuple[dict[str, Rate], int]:
    """Calls a second of so many workers on these cores, and how many books differ afterwards."""
    environ = {"FAREBOX_WORKERS": str(workers)}
    with (
        serving(session.folder, cores) as upstream,
        running(FAREBOX, session.folder, upstream, cores=cores, environ=environ) as proxy,
    ):
        rates = _rates(session, proxy, upstream, cores)
        return rates, _differences(session, proxy, upstream)


def _rates(
    session: Session, proxy: Running, upstream: int, cores: tuple[int, ...]
) -> dict[str, Rate]:
    rates = {}
    for kind in KINDS:
        ask = asked(FAREBOX, proxy, upstream, kind)
        for seconds in (WARM_S, session.seconds):
            busy_s, all_s = machine_cpu_s()
            seen = load(
                session.folder, proxy.port, ask, connections=CONNECTIONS, seconds=seconds,
                cores=cores,
            )  # fmt: skip
            now_busy_s, now_all_s = machine_cpu_s()
        rates[kind] = Rate(seen.a_second, (now_busy_s - busy_s) / (now_all_s - all_s))
    return rates


def _differences(session: Session, proxy: Running, upstream: int) -> int:
    """Buy images that are ready at once; how many of the books then tell another number."""
    bought = Ask("POST", SYNC, asked(FAREBOX, proxy, upstream, "submit").body,
                 (("Authorization", proxy.key),))  # fmt: skip
    seen = load(
        session.folder, proxy.port, bought, connections=CONNECTIONS, seconds=WARM_S, cores=CORES
    )
    done, _ = settled(proxy.place)
    metrics = httpx.get(f"http://127.0.0.1:{proxy.port}/metrics", trust_env=False, timeout=30).text
    counted = sum(
        float(n) for n in re.findall(r"^farebox_images_total\{.*\} (\S+)", metrics, re.MULTILINE)
    )
    environ = {"FAREBOX_DATABASE_URL": f"sqlite:///{proxy.place}/farebox.db"}
    verified = subprocess.run(
        [sys.executable, "-m", "proxy", "verify"], env=os.environ | environ, check=False,
        capture_output=True,
    ).returncode  # fmt: skip
    # wrk leaves with calls under way: they are fares too, one a connection at the most.
    told = (not seen.calls <= done <= seen.calls + CONNECTIONS, counted != done, verified != 0)
    return sum(told)
