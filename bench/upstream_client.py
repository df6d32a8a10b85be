"""What one small upstream call costs the client, in CPU microseconds.

    python bench/upstream_client.py [--calls 20000] [--at-once 32] [--loop uvloop] [--profile]

A trivial server answers from a process of its own, so its CPU is not counted.
"""

import argparse
import asyncio
import cProfile
import multiprocessing
import pstats
import sys
import time
from multiprocessing.connection import Connection as Pipe
from pathlib import Path
from typing import cast

import uvloop

sys.path.insert(0, str(Path(__file__).parents[1]))

from proxy.upstream import Upstream

SMALL = b'{"data":{"id":"p-1","status":"processing","outputs":[]}}'
FIELDS = [
    (b"content-type", b"application/json"),
    (b"date", b"Mon, 23 Nov 2026 10:00:00 GMT"),
    (b"server", b"trivial"),
    (b"x-request-id", b"0123456789abcdef"),
]
SENT = [
    (b"authorization", b"Bearer sk-0123456789abcdef"),
    (b"accept", b"*/*"),
    (b"accept-encoding", b"identity"),
    (b"user-agent", b"bench"),
    (b"content-type", b"application/json"),
]


def _answer(body: bytes) -> bytes:
    fields = [*FIELDS, (b"content-length", b"%d" % len(body))]
    return b"HTTP/1.1 200 OK\r\n" + b"".join(b"%b: %b\r\n" % f for f in fields) + b"\r\n" + body


class _Trivial(asyncio.Protocol):
    """Answers each read as if it were one whole request."""

    def __init__(self, answer: bytes) -> None:
        self._answer = answer

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, _data: bytes) -> None:
        self._transport.write(self._answer)


def _serve(pipe: Pipe, body_bytes: int) -> None:
    async def forever() -> None:
        answer = _answer(bytes(body_bytes) if body_bytes else SMALL)
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: _Trivial(answer), "127.0.0.1", 0)
        pipe.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    uvloop.run(forever())


async def _caller(upstream: Upstream, calls: int) -> None:
    for _ in range(calls):
        answer = await upstream.send(b"GET", b"/api/v3/p", SENT, b"", pool="k", submit=False)
        if await answer.read(65536) is None:
            async for _piece in answer.chunks():
                pass


async def _run(port: int, calls: int, at_once: int) -> tuple[float, float]:
    upstream = Upstream(f"http://127.0.0.1:{port}", timeout_s=30)
    await asyncio.gather(*(_caller(upstream, 5) for _ in range(at_once)))
    cpu, wall = time.process_time(), time.perf_counter()
    await asyncio.gather(*(_caller(upstream, calls // at_once) for _ in range(at_once)))
    spent = time.process_time() - cpu, time.perf_counter() - wall
    await upstream.aclose()
    return spent


def _measure(args: argparse.Namespace, port: int) -> None:
    run = uvloop.run if args.loop == "uvloop" else asyncio.run
    profile = cProfile.Profile()
    if args.profile:
        profile.enable()
    cpu, wall = run(_run(port, args.calls, args.at_once))
    if args.profile:
        profile.disable()
        pstats.Stats(profile).sort_stats("tottime").print_stats(25)
    megabytes = args.body_bytes * args.calls / 1e6
    per = f"{cpu / megabytes * 1e3:.2f} ms CPU per MB" if megabytes else ""
    print(
        f"{args.loop:8} at once {args.at_once:4}: {cpu / args.calls * 1e6:7.1f} us CPU per call, "
        f"{args.calls / cpu:8.0f} calls per CPU second, {args.calls / wall:8.0f} per second {per}"
    )


def main() -> None:
    """Measure one cell."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=20_000)
    parser.add_argument("--at-once", type=int, default=32)
    parser.add_argument("--body-bytes", type=int, default=0)
    parser.add_argument("--loop", choices=("uvloop", "asyncio"), default="uvloop")
    parser.add_argument("--profile", action="store_true")
    args = parser.parse_args()
    here, there = multiprocessing.Pipe()
    server = multiprocessing.Process(target=_serve, args=(there, args.body_bytes), daemon=True)
    server.start()
    try:
        _measure(args, here.recv())
    finally:
        server.terminate()
        server.join()


if __name__ == "__main__":
    main()
