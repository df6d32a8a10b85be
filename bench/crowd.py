"""256 connections instead of 32: what a call costs then, and whether anybody waits long."""

from bench.cells import CELLS, asked, sample
from bench.goals import Finding, found
from bench.load import WARM_S, load
from bench.peers import FAREBOX, Running, running
from bench.session import Session

FEW, MANY = 32, 256
KINDS = ("poll", "submit")


def findings(session: Session) -> list[Finding]:
    """Compare both numbers of connections on one Farebox, in turns."""
    told, failed = [], 0
    with running(FAREBOX, session.folder, session.upstream) as proxy:
        for kind in KINDS:
            ratios, slowest = [], []
            for _ in session.turns(f"{MANY} connections, {kind}s"):
                few, many = (
                    sample(
                        FAREBOX, CELLS[f"{kind}@{count}"], proxy, session.upstream,
                        session.folder, session.seconds,
                    )
                    for count in (FEW, MANY)
                )  # fmt: skip
                ratios.append(many.cpu_ms / few.cpu_ms)
                failed += many.load.failed
                slowest.append(_slowest_ms(session, proxy, kind, many.load.a_second / 2))
            told += [found(f"crowd/{kind}", *ratios), found(f"crowd/slowest {kind}", *slowest)]
    return [*told, found("crowd/failed", failed)]


def _slowest_ms(session: Session, proxy: Running, kind: str, a_second: float) -> float:
    """Call at a rate that leaves room, from as many connections; what the unluckiest waited."""
    ask = asked(FAREBOX, proxy, session.upstream, kind)
    pause_ms = round(MANY / a_second * 1000)
    seconds = session.seconds + pause_ms / 1000 * 2  # each connection begins with a pause
    calls = load(
        session.folder, proxy.port, ask, connections=MANY, seconds=seconds + WARM_S,
        pause_ms=pause_ms,
    )  # fmt: skip
    return calls.slowest_ms
