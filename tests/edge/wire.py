"""A raw client, and a real edge in a process of its own."""

import contextlib
import json
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
PATIENCE_S = 20


@dataclass
class Edge:
    """A running echo server."""

    process: subprocess.Popen[str]
    address: tuple[str, int]

    def connect(self) -> socket.socket:
        line = socket.create_connection(self.address, timeout=PATIENCE_S)
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return line

    def get(self, target: str) -> "Answer":
        """One call on a connection of its own."""
        with self.connect() as line:
            line.sendall(request(target, "Connection: close\r\n"))
            return only(read_all(line))

    def stop(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(PATIENCE_S)


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@contextlib.contextmanager
def running(workers: int = 1, log: int | None = None, **limits: float) -> Iterator[Edge]:
    """An edge with these limits, whose log goes there; killed at the end if it still runs."""
    command = [sys.executable, "-m", "tests.edge.echo", str(workers), json.dumps(limits)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=log, text=True)
    assert process.stdout is not None
    try:
        host, port = process.stdout.readline().rstrip().rpartition("//")[2].split(":")
        yield Edge(process, (host, int(port)))
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        process.stdout.close()


def request(target: str, headers: str = "", method: str = "GET") -> bytes:
    return f"{method} {target} HTTP/1.1\r\nHost: farebox.test\r\n{headers}\r\n".encode()


def read_all(line: socket.socket, until: bytes | None = None) -> list[Answer]:
    """Every answer up to the end of the connection, or to the one that holds `until`."""
    received = bytearray()
    with contextlib.suppress(ConnectionError):
        while until is None or until not in received:
            data = line.recv(1 << 20)
            if not data:
                break
            received += data
    return answers(bytes(received))


def answers(received: bytes) -> list[Answer]:
    """Take a stream apart, strictly; anything left over is a failure."""
    found = []
    while received:
        head, blank, received = received.partition(b"\r\n\r\n")
        assert blank, f"half an answer: {head!r}"
        start, *lines = head.decode("latin1").split("\r\n")
        match = re.fullmatch(r"HTTP/1\.1 (\d{3}) .*", start)
        assert match, f"not an answer: {start!r}"
        headers = dict(one.split(": ", 1) for one in lines)
        length = int(next((v for n, v in headers.items() if n.lower() == "content-length"), 0))
        body, received = received[:length], received[length:]
        assert len(body) == length, "half a body"
        found.append(Answer(int(match[1]), headers, body))
    return found


def read_some(line: socket.socket, until: bytes) -> bytes:
    """Bytes up to these; the rest stays unread only if it came later."""
    received = b""
    while until not in received:
        data = line.recv(65536)
        assert data, received
        received += data
    return received


def read_closed(line: socket.socket) -> bytes:
    """Everything up to the end of the connection, however it ends."""
    received = bytearray()
    with contextlib.suppress(ConnectionError):
        while data := line.recv(1 << 20):
            received += data
    return bytes(received)


def only(found: list[Answer]) -> Answer:
    assert len(found) == 1, found
    return found[0]
