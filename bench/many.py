"""Thousands of sync calls that take their time: through Farebox, and past it right before.

python -m bench.many [--calls 5000] [--takes 8] [--within 6]
"""

import argparse
import contextlib
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from bench.goals import Finding, found, written
from bench.peers import FAREBOX, Running, running
from bench.processes import (
    end,
    forget_peak,
    free_port,
    peak_bytes,
    raise_descriptor_limit,
    resident_bytes,
    until_listening,
)  # fmt: skip
from bench.session import SCRATCH, settled
from bench.upstream import pinned

CALLS, TAKES_S, WITHIN_S = 5000, 8.0, 6.0
WARM_CALLS = 200


@contextlib.contextmanager
def slow_upstream(takes_s: float) -> Iterator[int]:
    """Answer every call after a while, until the block ends; yields the port."""
    port = free_port()
    process = subprocess.Popen([*_slow("upstream"), str(port), str(takes_s)])
    try:
        until_listening(port, process)
        yield port
    finally:
        end(process)


def called(port: int, count: int, within_s: float, key: str) -> tuple[int, float]:
    """Make that many calls; how many were answered, and the slowest, in seconds."""
    told = subprocess.run(
        [*_slow("callers"), str(port), str(count), str(within_s), key],
        check=True, capture_output=True, text=True,
    ).stdout.split()  # fmt: skip
    return int(told[0]), float(told[1])


def findings(
    folder: Path, calls: int = CALLS, takes_s: float = TAKES_S, within_s: float = WITHIN_S
) -> list[Finding]:
    """Call directly, then through Farebox."""
    with slow_upstream(takes_s) as upstream:
        answered, direct_s = called(upstream, calls, within_s, "sk-upstream")
        if answered != calls:
            raise RuntimeError(f"directly, only {answered} of {calls} calls were answered")
        sys.stderr.write(f"  {calls} calls directly: the slowest took {direct_s:.2f} s\n")
        environ = {"FAREBOX_MAX_IN_FLIGHT": str(calls)}
        with running(FAREBOX, folder, upstream, environ=environ) as proxy:
            return _through(proxy, calls, within_s, direct_s)


def _through(proxy: Running, calls: int, within_s: float, direct_s: float) -> list[Finding]:
    called(proxy.port, WARM_CALLS, 1, proxy.key)
    forget_peak(proxy.pid)
    held = resident_bytes(proxy.pid)
    answered, slowest_s = called(proxy.port, calls, within_s, proxy.key)
    sys.stderr.write(f"  {calls} calls through Farebox: the slowest took {slowest_s:.2f} s\n")
    done, fares = settled(proxy.place)
    return [
        found("many/failed", calls - answered),
        found("many/slowest", slowest_s / direct_s),
        found("many/memory", (peak_bytes(proxy.pid) - held) / calls / 1000),
        found("many/settled", done / fares),
    ]


def _slow(part: str) -> list[str]:
    return [*pinned(1), sys.executable, "-m", "bench.slow", part]


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--calls", type=int, default=CALLS)
    parser.add_argument("--takes", type=float, default=TAKES_S, help="seconds of each call")
    parser.add_argument("--within", type=float, default=WITHIN_S, help="seconds to begin all")
    asked = parser.parse_args()
    raise_descriptor_limit()
    with tempfile.TemporaryDirectory(prefix="farebox-bench-", dir=SCRATCH) as name:
        print(written(findings(Path(name), asked.calls, asked.takes, asked.within)))


if __name__ == "__main__":
    main()
