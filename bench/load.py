"""The load: wrk, from the second core, at as many connections as asked."""

import json
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from bench.upstream import pinned

SUBMIT = "/api/v3/google/gemini-3.1-flash-image-preview/text-to-image"
BODY = json.dumps({"prompt": "x" * 500, "size": "1K", "aspect_ratio": "1:1"})
SCRIPT = """
wrk.method = "%s"
wrk.headers["Content-Type"] = "application/json"
%s
wrk.body = %s
%s
done = function(summary, latency, requests)
  io.write(string.format("FOUND %%d %%d %%d %%.3f %%.3f %%.3f %%.3f\\n", summary.requests,
    summary.errors.status, summary.errors.connect + summary.errors.read + summary.errors.timeout,
    latency:percentile(50) / 1000, latency:percentile(99) / 1000, latency.max / 1000,
    summary.duration / 1e6))
end
"""
WARM_S = 1.0
CALLERS_CORE = (1,)


@dataclass(frozen=True)
class Ask:
    """A request that is made again and again."""

    method: str
    path: str
    body: str | None = None
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Load:
    """What the callers saw: milliseconds, and calls that came to nothing or to an error."""

    calls: int
    failed: int
    a_second: float
    p50_ms: float
    p99_ms: float
    slowest_ms: float


def load(
    folder: Path,
    port: int,
    ask: Ask,
    *,
    connections: int,
    seconds: float,
    pause_ms: int = 0,
    cores: tuple[int, ...] = CALLERS_CORE,
) -> Load:
    """Call without end for a while; every connection pauses before each call if told to."""
    script = folder / "load.lua"
    script.write_text(_written(ask, pause_ms))
    told = subprocess.run(
        [
            *pinned(*cores), "wrk", "-t", "1", "-c", str(connections), "-d", f"{seconds:.0f}s",
            "--timeout", "30s", "-s", str(script), f"http://127.0.0.1:{port}{ask.path}",
        ],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    found = re.search(r"FOUND (.+)", told)
    if found is None:
        raise RuntimeError(f"wrk did not say what it found: {told}")
    calls, bad, broken, p50, p99, slowest, took = (float(figure) for figure in found[1].split())
    return Load(int(calls), int(bad + broken), calls / took, p50, p99, slowest)


def _written(ask: Ask, pause_ms: int) -> str:
    headers = "\n".join(f'wrk.headers["{name}"] = "{value}"' for name, value in ask.headers)
    body = "nil" if ask.body is None else json.dumps(ask.body)
    # Half to one and a half of the pause, so that the connections do not call in step.
    half, whole = pause_ms // 2, pause_ms
    pause = f"function delay() return {half} + math.random(0, {whole}) end" if pause_ms else ""
    return SCRIPT % (ask.method, headers, body, pause)
