"""Many at once: silent ones, slow ones, ones who do not read, and all of them at the end."""

import asyncio
import contextlib
import json
import resource
import signal
import socket
import sys
from collections import Counter
from pathlib import Path

import pytest

from proxy.edge import raise_descriptor_limit
from proxy.upstream import Upstream
from tests.hardening.counted import CountedFarebox
from tests.relay.house import PATH, PRICE_MICROS, Farebox, running, state_of
from tests.standin.server import Standin

LARGE = 24_000_000  # more than the kernel's buffers on both sides hold


def connected(farebox: Farebox) -> socket.socket:
    return socket.create_connection(("127.0.0.1", farebox.port), timeout=30)


def head(key: str, length: int) -> bytes:
    lines = f"POST {PATH} HTTP/1.1\r\nHost: x\r\nAuthorization: {key}\r\n"
    return f"{lines}Content-Length: {length}\r\n\r\n".encode()


def test_an_honest_caller_buys_beside_a_thousand_silent_and_fifty_trickling_ones(
    farebox: Farebox, upstream: Standin
) -> None:
    assert raise_descriptor_limit() > 1200
    key, before = farebox.key(daily_micros=-1), len(upstream.submits)
    begun = (head(key, 100_000)[:-2] + b"X-A: ", head(key, 100_000) + b'{"prompt":"')
    with contextlib.ExitStack() as held:
        for _ in range(1000):
            held.enter_context(connected(farebox))
        slow = [held.enter_context(connected(farebox)) for _ in range(50)]
        for number, line in enumerate(slow):
            line.sendall(begun[number % 2])
        for _ in range(20):
            assert state_of(farebox.submit(key, "standin:sync")) == "settled"
            for line in slow:
                with contextlib.suppress(ConnectionError):  # its time may be over
                    line.sendall(b"a")
    assert len(upstream.submits) == before + 20
    assert farebox.balance(key) == (20 * PRICE_MICROS, 0)


def test_a_crowd_beyond_all_descriptors_is_turned_away_and_then_forgotten(
    upstream: Standin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    few, room = 600, 600 // 2 - 64
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nulimit -n {few}\nexec {sys.executable} "$@"\n')
    python.chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(python))
    with running(tmp_path, upstream.url) as farebox:
        assert farebox.process is not None
        limits = resource.prlimit(farebox.process.pid, resource.RLIMIT_NOFILE)
        assert limits == (few, few)
        key = farebox.key(daily_micros=-1)  # on a connection that is kept
        with contextlib.ExitStack() as held:
            crowd = [held.enter_context(connected(farebox)) for _ in range(3 * room)]
            told = [line for line in reversed(crowd[room:]) if line.recv(1000)]
            assert len(told) == 2 * room
            for _ in range(10):
                assert farebox.submit(key).status_code == 200
        farebox.until(lambda: anew(farebox))
        assert farebox.submit(key).status_code == 200


def anew(farebox: Farebox) -> bool:
    """Whether a newcomer is served."""
    with connected(farebox) as line:
        line.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        return b" 200 " in line.recv(1000)


def test_callers_who_do_not_read_hold_neither_memory_nor_fares(tmp_path: Path) -> None:
    limits = json.dumps({"send_s": 1.5, "sweep_s": 0.1})
    body = json.dumps({"prompt": f"standin:sync standin:big={LARGE}"}).encode()
    with Standin(keep=10, idle_s=0.5) as upstream, contextlib.ExitStack() as held:
        farebox = CountedFarebox(tmp_path, upstream.url)
        held.callback(farebox.close)
        farebox.start(environ={"COUNTED_LIMITS": limits})
        key, before = farebox.key(daily_micros=-1), farebox.held()
        lines = [held.enter_context(connected(farebox)) for _ in range(6)]
        for line in lines:
            line.sendall(head(key, len(body)) + body)
        farebox.until(lambda: farebox.held()["in_flight"] == len(lines))
        assert farebox.held()["memory"] - before["memory"] < LARGE, "of six as large"
        farebox.until(lambda: farebox.held()["in_flight"] == 0)
        assert farebox.balance(key) == (len(lines) * PRICE_MICROS, 0)
        for line in lines:
            assert 0 < len(rest(line)) < LARGE
        farebox.until(lambda: farebox.held()["upstream"] == 0)


def rest(line: socket.socket) -> bytes:
    received = bytearray()
    with contextlib.suppress(ConnectionError):
        while data := line.recv(1 << 20):
            received += data
    return bytes(received)


def test_five_hundred_in_flight_end_well_when_told_to_stop(
    upstream: Standin, tmp_path: Path
) -> None:
    with running(tmp_path, upstream.url) as farebox:
        key, before = farebox.key(daily_micros=-1), len(upstream.submits)
        process = farebox.process
        assert process is not None
        answers = asyncio.run(stopped_amid(farebox, upstream, key, before))
        assert process.wait(30) == 0
        farebox.process = None
        assert answers == {(200, b"settled"): 500}
        assert farebox.rows("SELECT state,count(*) FROM charges GROUP BY state") == [
            ("settled", 500)
        ]


async def stopped_amid(
    farebox: Farebox, upstream: Standin, key: str, before: int
) -> Counter[tuple[int, bytes]]:
    """Begin five hundred calls, send SIGTERM when all have left, and read their answers."""
    client = Upstream(farebox.url, timeout_s=60)
    body = b'{"prompt":"standin:sync standin:slow=3"}'

    async def one() -> tuple[int, bytes]:
        headers = [(b"authorization", key.encode())]
        answer = await client.send(b"POST", PATH.encode(), headers, body, pool="", submit=False)
        await answer.read(1 << 20)
        state = (v for n, v in answer.headers if n.lower() == b"x-farebox-charge-state")
        return answer.status, next(state, b"")

    calls = [asyncio.create_task(one()) for _ in range(500)]
    await asyncio.to_thread(upstream.wait, before + 500, PATH)
    assert farebox.process is not None
    farebox.process.send_signal(signal.SIGTERM)
    try:
        return Counter(await asyncio.gather(*calls))
    finally:
        await client.aclose()
