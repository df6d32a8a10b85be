"""What one call waits for Farebox: one connection, bursts through it and past it in turns.

And through a pass-through that only books its submits: what those two commits alone take here.
"""

from collections import defaultdict

from bench.cells import asked
from bench.goals import Finding, found
from bench.load import WARM_S, load
from bench.peers import BOOKED, FAREBOX, PEERS, Peer, running
from bench.session import Session

BARELY = next(peer for peer in PEERS if peer.name == BOOKED)
PAST = {"poll": (FAREBOX,), "submit": (FAREBOX, BARELY)}
NAMES = {FAREBOX.name: "latency/%s", BOOKED: "latency/%s booked"}


def findings(session: Session) -> list[Finding]:
    """Measure the median over the direct one, burst by burst."""
    return [each for kind, peers in PAST.items() for each in _added(session, kind, peers)]


def _added(session: Session, kind: str, peers: tuple[Peer, ...]) -> list[Finding]:
    added: dict[str, list[float]] = defaultdict(list)
    for _ in session.turns(f"latency of a {kind}"):
        for peer in peers:
            with running(peer, session.folder, session.upstream) as proxy:
                ask = asked(peer, proxy, session.upstream, kind)
                ports = (session.upstream, proxy.port)
                for seconds in (WARM_S, session.seconds):
                    direct, through = (
                        load(session.folder, port, ask, connections=1, seconds=seconds).p50_ms
                        for port in ports
                    )
            added[NAMES[peer.name] % kind].append(through - direct)
    return [found(name, *values) for name, values in added.items()]
