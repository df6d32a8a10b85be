"""Two workers against one. Both cores belong to everybody: workers, callers and the upstream.

Callers and the upstream take about a tenth of what polls take, so two workers cannot come to
twice one; what is left over is said beside the figure. Afterwards the books are compared: what
the callers were answered, the ledger, its own check of itself, and what both workers' metrics say.
"""

import os
import re
import subprocess
import sys

import httpx

from bench.cells import asked
from bench.goals import Finding, found
from bench.load import WARM_S, Ask, load
from bench.peers import FAREBOX, Running, running
from bench.session import Session, settled
from bench.upstream import serving

CORES = tuple(sorted(os.sched_getaffinity(0)))[:2]
CONNECTIONS = 256  # enough that neither worker waits for callers
KINDS = ("poll", "submit")
SYNC = "/api/v3/google/gemini-3.1-flash-image-preview/done"


def findings(session: Session) -> list[Finding]:
    """Start one worker, then two, in turns."""
    ratios: dict[str, list[float]] = {kind: [] for kind in KINDS}
    differ = 0
    with serving(session.folder, CORES) as upstream:
        for turn in session.turns("two workers"):
            rates = {}
            for workers in (1, 2) if turn % 2 == 0 else (2, 1):
                environ = {"FAREBOX_WORKERS": str(workers)}
                with running(
                    FAREBOX, session.folder, upstream, cores=CORES, environ=environ
                ) as proxy:
                    rates[workers] = _rates(session, proxy, upstream)
                    differ += _differences(session, proxy, upstream)
            for kind in KINDS:
                ratios[kind].append(rates[2][kind] / rates[1][kind])
    told = [found(f"workers/{kind}", *values) for kind, values in ratios.items()]
    return [*told, found("workers/agree", differ)]


def _rates(session: Session, proxy: Running, upstream: int) -> dict[str, float]:
    rates = {}
    for kind in KINDS:
        ask = asked(FAREBOX, proxy, upstream, kind)
        for seconds in (WARM_S, session.seconds):
            seen = load(
                session.folder, proxy.port, ask, connections=CONNECTIONS, seconds=seconds,
                cores=CORES,
            )  # fmt: skip
        rates[kind] = seen.a_second
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
