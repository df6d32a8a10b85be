"""What is measured: a kind of call at a number of connections."""

import json
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

import httpx

from bench.peers import Peer, Running, running
from bench.processes import cpu_s, resident_bytes
from bench.upstream import pinned

SUBMIT = "/api/v3/google/gemini-3.1-flash-image-preview/text-to-image"
BODY = json.dumps({"prompt": "x" * 500, "size": "1K", "aspect_ratio": "1:1"})
LUA = """
wrk.method = "%s"
wrk.headers["Authorization"] = "%s"
wrk.headers["Content-Type"] = "application/json"
wrk.body = %s
done = function(summary, latency, requests)
  io.write(string.format("FOUND %%d %%d %%d %%.3f %%.3f %%.3f\\n", summary.requests,
    summary.errors.status, summary.errors.connect + summary.errors.read + summary.errors.timeout,
    latency:percentile(50) / 1000, latency:percentile(99) / 1000, summary.duration / 1e6))
end
"""
WARM_S = 1.0


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
    calls: int
    failed: int
    a_second: float
    cpu_ms: float
    p50_ms: float
    p99_ms: float
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
    samples = []
    with running(peer, folder, upstream) as proxy:
        for cell in cells:
            script = folder / "load.lua"
            path = _script(script, cell, proxy)
            _load(script, path, cell, proxy, WARM_S)
            samples.append(_sample(peer, cell, proxy, script, path, seconds))
    return samples


def _script(script: Path, cell: Cell, proxy: Running) -> str:
    """Write the load down; its path. A poll asks for a prediction that this key bought."""
    method, body, path = "POST", json.dumps(BODY), SUBMIT
    if cell.kind == "poll":
        bought = httpx.post(
            f"http://127.0.0.1:{proxy.port}{SUBMIT}",
            headers={"Authorization": proxy.key},
            content=BODY,
        ).json()
        if "id" not in bought["data"]:
            raise RuntimeError(f"{proxy.port} sold nothing: {bought}")
        method, body = "GET", "nil"
        path = f"/api/v3/predictions/{bought['data']['id']}/result"
    script.write_text(LUA % (method, proxy.key, body))
    return path


def _load(script: Path, path: str, cell: Cell, proxy: Running, seconds: float) -> list[float]:
    told = subprocess.run(
        [
            *pinned(1), "wrk", "-t", "1", "-c", str(cell.connections), "-d", f"{seconds:.0f}s",
            "--timeout", "30s", "-s", str(script), f"http://127.0.0.1:{proxy.port}{path}",
        ],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    found = re.search(r"FOUND (.+)", told)
    if found is None:
        raise RuntimeError(f"wrk did not say what it found: {told}")
    return [float(figure) for figure in found[1].split()]


def _sample(
    peer: Peer, cell: Cell, proxy: Running, script: Path, path: str, seconds: float
) -> Sample:
    before = cpu_s(proxy.pid)
    calls, bad, broken, p50, p99, took = _load(script, path, cell, proxy, seconds)
    used = cpu_s(proxy.pid) - before
    return Sample(
        peer.name, cell.name, int(calls), int(bad + broken), calls / took,
        used / max(calls, 1) * 1000, p50, p99, resident_bytes(proxy.pid),
    )  # fmt: skip
