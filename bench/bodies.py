"""What large answers cost: 20 MB of base64, eight at a time, through Farebox and through nginx.

    python -m bench.bodies [--rounds 3] [--megabytes 20] [--at-once 8]

CPU of the proxy per megabyte, the most memory it held above its start, and when the first byte
came. The fare of each answer is settled from what it says, which is read as it passes.
"""

import argparse
import contextlib
import http.client
import json
import tempfile
import time
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median

from bench.cells import BODY
from bench.peers import PEERS, Peer, Running, found, running
from bench.processes import cpu_s, peak_bytes, resident_bytes
from bench.upstream import serving

PATH = "/api/v3/google/gemini-3.1-flash-image-preview/large"
CALLS = 24
LARGE = 500_000


def answer(megabytes: int) -> str:
    """Write a sync answer with an image in it."""
    picture = {"data": [{"b64_json": "A" * (megabytes * 1_000_000)}]}
    return json.dumps({"id": "p-large", "status": "completed", **picture})


def first_byte_ms(proxy: Running) -> float:
    """Read one answer to its end; milliseconds until its head came."""
    connection = http.client.HTTPConnection("127.0.0.1", proxy.port, timeout=60)
    started = time.perf_counter()
    headers = {"Authorization": proxy.key, "Content-Type": "application/json"}
    connection.request("POST", PATH, BODY, headers)
    response = connection.getresponse()
    first = (time.perf_counter() - started) * 1000
    count = sum(len(piece) for piece in iter(lambda: response.read(1 << 20), b""))
    connection.close()
    if response.status != http.client.OK or count < LARGE:
        raise RuntimeError(f"answered {response.status} with {count} bytes")
    return first


def measured(
    peer: Peer, folder: Path, upstream: int, told: argparse.Namespace
) -> tuple[float, ...]:
    """Measure one proxy: CPU milliseconds a megabyte, megabytes above the start, first byte."""
    with running(peer, folder, upstream) as proxy, ThreadPoolExecutor(told.at_once) as callers:
        first_byte_ms(proxy)
        cpu, held = cpu_s(proxy.pid), resident_bytes(proxy.pid)
        waits = list(callers.map(lambda _: first_byte_ms(proxy), range(CALLS)))
        used = (cpu_s(proxy.pid) - cpu) * 1000
        above = (peak_bytes(proxy.pid) - held) / 1e6
        return used / (CALLS * told.megabytes), above, median(waits)


def main() -> None:
    """Measure Farebox and nginx in turns."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--megabytes", type=int, default=20)
    parser.add_argument("--at-once", type=int, default=8)
    told = parser.parse_args()
    rows: dict[str, list[tuple[float, ...]]] = defaultdict(list)
    peers = [p for p in PEERS if p.name in {"farebox", "nginx", "caddy"} and found(p)]
    with tempfile.TemporaryDirectory(prefix="farebox-bench-") as name, contextlib.ExitStack() as on:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "large.json").write_text(answer(told.megabytes))
        upstream = on.enter_context(serving(folder))
        for turn in range(told.rounds):
            for peer in peers if turn % 2 == 0 else reversed(peers):
                rows[peer.name].append(measured(peer, folder, upstream, told))
    print("| proxy | CPU ms a MB | memory above start, MB | first byte ms |\n|---|---|---|---|")
    for peer_name, found_rows in rows.items():
        cpu, above, first = (median(column) for column in zip(*found_rows, strict=True))
        print(f"| {peer_name} | {cpu:.2f} | {above:.1f} | {first:.0f} |")


if __name__ == "__main__":
    main()
