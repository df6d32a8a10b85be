"""Raw calls over a socket, and their answers, so that no client mends what it sends or gets."""

import contextlib
import socket
from collections.abc import Sequence
from dataclasses import dataclass

import httptools

Header = tuple[bytes, bytes]
PATIENCE_S = 20


@dataclass(frozen=True)
class Asked:
    """One request as a client would write it."""

    method: str
    target: bytes
    headers: tuple[Header, ...] = ()
    body: bytes | None = None
    cuts: tuple[int, ...] = ()  # where the body is cut into chunks; none: Content-Length

    def head(self, host: str) -> bytes:
        lines = [f"{self.method} ".encode() + self.target + b" HTTP/1.1", b"Host: " + host.encode()]
        lines += [name + b": " + value for name, value in self.headers]
        if self.body is not None:
            framing = b"Transfer-Encoding: chunked"
            lines.append(framing if self.cuts else b"Content-Length: %d" % len(self.body))
        return b"\r\n".join([*lines, b"", b""])

    def pieces(self) -> list[bytes]:
        if self.body is None:
            return []
        if not self.cuts:
            return [self.body]
        ends = sorted({min(cut, len(self.body)) for cut in self.cuts} | {len(self.body)})
        parts = [self.body[a:b] for a, b in zip([0, *ends], ends, strict=False)]
        return [b"%x\r\n%b\r\n" % (len(p), p) for p in parts if p] + [b"0\r\n\r\n"]


class Got:
    """An answer: its status, its headers in order and case, its body, and whether it is whole."""

    def __init__(self, method: str) -> None:
        self.headers: list[Header] = []
        self.body = b""
        self.status = 0
        self.whole = False
        self._bodiless = method == "HEAD"
        self._parser = httptools.HttpResponseParser(self)

    def feed(self, data: bytes) -> None:
        """Read on; no bytes are the end of the connection, which ends a body without a length."""
        if data:
            self._parser.feed_data(data)
        elif self.status and self.header(b"content-length") is None:
            self.whole = self.header(b"transfer-encoding") is None

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        self.status = self._parser.get_status_code()
        self.whole = self._bodiless and self.status >= 200

    def on_body(self, data: bytes) -> None:
        self.body += data

    def on_message_complete(self) -> None:
        self.whole = self.status >= 200
        if not self.whole:  # 1xx: the answer is still to come
            self.headers = []

    def header(self, name: bytes) -> bytes | None:
        return next((v for n, v in self.headers if n.lower() == name.lower()), None)


def exchange(url: str, asked: Asked) -> Got:
    """One call on a connection of its own."""
    host = url.removeprefix("http://")
    name, _, port = host.partition(":")
    with socket.create_connection((name, int(port)), timeout=PATIENCE_S) as line:
        line.sendall(asked.head(host))
        for piece in asked.pieces():
            line.sendall(piece)
        return read(line, asked.method)


def read(line: socket.socket, method: str) -> Got:
    """The next answer on a connection, as far as it came."""
    got = Got(method)
    with contextlib.suppress(ConnectionError):
        data = b"begin"
        while data and not got.whole:
            data = line.recv(1 << 20)
            got.feed(data)
    return got


def without(headers: Sequence[Header], *names: bytes) -> list[Header]:
    """The headers but for these, names in lower case."""
    return [(n.lower(), v) for n, v in headers if n.lower() not in names]
