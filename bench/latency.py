"""What one call waits for Farebox: one connection, bursts through it and past it in turns."""

from bench.cells import asked
from bench.goals import Finding, found
from bench.load import WARM_S, load
from bench.peers import FAREBOX, running
from bench.session import Session

KINDS = ("poll", "submit")


def findings(session: Session) -> list[Finding]:
    """Measure the median over the direct one, burst by burst."""
    added: dict[str, list[float]] = {kind: [] for kind in KINDS}
    with running(FAREBOX, session.folder, session.upstream) as proxy:
        for kind in KINDS:
            ask = asked(FAREBOX, proxy, session.upstream, kind)
            ports = (session.upstream, proxy.port)
            for port in ports:
                load(session.folder, port, ask, connections=1, seconds=WARM_S)
            for _ in session.turns(f"latency of a {kind}"):
                direct, through = (
                    load(session.folder, port, ask, connections=1, seconds=session.seconds).p50_ms
                    for port in ports
                )
                added[kind].append(through - direct)
    return [found(f"latency/{kind}", *values) for kind, values in added.items()]
