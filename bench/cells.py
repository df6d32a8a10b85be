"""What is measured: a kind of call at a number of connections."""

from dataclasses import dataclass
from pathlib import Path

import httpx

from bench.load import BODY, SUBMIT, WARM_S, Ask, Load, load
from bench.peers import Peer, Running, asks, running
from bench.processes import cpu_s, resident_bytes

__all__ = ["BODY", "CELLS", "SUBMIT", "Cell", "Sample", "asked", "measured", "sample"]
STARTS_ANSWERING_S = 60
FEWEST, LONGEST_S = 10, 8.0  # calls a connection: what is under way at the end is not counted


@dataclass(frozen=True)
class Cell:
    """A kind of call, and how many connections make it at once."""

    name: str
    kind: str
    connections: int


@dataclass(frozen=True)
class Sample:
    """One measurement: milliseconds, calls a second, CPU milliseconds a call."""

    peer: str
    cell: str
    load: Load
    cpu_ms: float
    resident: int


CELLS = {
    f"{kind}@{connections}": Cell(f"{kind}@{connections}", kind, connections)
    for kind in ("poll", "submit")
    for connections in (1, 32, 256)
}


def measured(
    peer: Peer, cells: list[Cell], folder: Path, upstream: int, seconds: float
) -> list[Sample]:
    """Start a peer, warm it, and measure every cell on it."""
    with running(peer, folder, upstream) as proxy:
        return [
            sample(peer, cell, proxy, upstream, folder, seconds)
            for cell in cells
            if peer.polls or cell.kind == "submit"
        ]


def sample(
    peer: Peer, cell: Cell, proxy: Running, upstream: int, folder: Path, seconds: float
) -> Sample:
    """Warm a peer by the calls of a cell, and measure them; a slow one for longer."""
    ask = asked(peer, proxy, upstream, cell.kind)
    load(folder, proxy.port, ask, connections=cell.connections, seconds=WARM_S)
    while True:
        before = cpu_s(proxy.pid)
        seen = load(folder, proxy.port, ask, connections=cell.connections, seconds=seconds)
        used = cpu_s(proxy.pid) - before
        if seen.calls >= cell.connections * FEWEST or seconds >= LONGEST_S:
            break
        seconds = min(LONGEST_S, seconds * 3)
    cpu_ms = used / max(seen.calls, 1) * 1000
    return Sample(peer.name, cell.name, seen, cpu_ms, resident_bytes(proxy.pid))


def asked(peer: Peer, proxy: Running, upstream: int, kind: str) -> Ask:
    """Make one call, see that it is answered as it should be; what to ask from now on.

    A poll asks for a prediction that this key bought.
    """
    submit = asks(peer, proxy, upstream)
    answer = httpx.post(
        f"http://127.0.0.1:{proxy.port}{submit.path}",
        headers=dict(submit.headers) | {"Content-Type": "application/json"},
        content=submit.body, timeout=STARTS_ANSWERING_S, trust_env=False,
    )  # fmt: skip
    # Farebox refuses in JSON, with the reason in it: an answer of another kind is shown whole.
    bought = answer.json() if "json" in answer.headers.get("content-type", "") else {}
    if answer.is_error or not {"data", "choices"} & set(bought):
        raise RuntimeError(f"{peer.name} answered {answer.status_code}: {answer.text[:500]}")
    if kind == "submit":
        return submit
    if "id" not in bought["data"]:
        raise RuntimeError(f"{peer.name} sold nothing: {bought} {dict(answer.headers)}")
    path = f"/api/v3/predictions/{bought['data']['id']}/result"
    return Ask("GET", path, headers=submit.headers)
