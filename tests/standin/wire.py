"""HTTP/1.1 as bytes: what arrived, exactly; what goes back, exactly, or broken on purpose."""

import asyncio
import contextlib
import socket
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Literal

Headers = Sequence[tuple[bytes, bytes]]
HEAD_MAX = 1 << 20
HANG_S = 600.0
_RST = struct.pack("ii", 1, 0)


@dataclass(frozen=True, slots=True)
class Head:
    """A request line and its fields, in the order and case in which they came."""

    method: str
    target: bytes
    version: bytes
    headers: tuple[tuple[bytes, bytes], ...]

    def header(self, name: bytes) -> bytes | None:
        """The first field of that name, without regard to case."""
        return next((v for k, v in self.headers if k.lower() == name.lower()), None)

    @property
    def path(self) -> str:
        """The target up to its query, not decoded."""
        return self.target.split(b"?", 1)[0].decode("latin-1")


@dataclass(frozen=True, slots=True)
class Call:
    """One request as it arrived; `connection` counts the connections from 1."""

    head: Head
    body: bytes
    connection: int
    at: float

    @property
    def method(self) -> str:
        return self.head.method

    @property
    def target(self) -> bytes:
        return self.head.target

    @property
    def path(self) -> str:
        return self.head.path

    @property
    def headers(self) -> tuple[tuple[bytes, bytes], ...]:
        return self.head.headers

    def header(self, name: bytes) -> bytes | None:
        return self.head.header(name)


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer and how it is put on the wire.

    `framing` adds its own header (`length`, `chunked`) or none (`eof`, `bare`).
    `stop_at` cuts the answer off after so many bytes of body on the wire, -1 before the head.
    """

    status: int = 200
    headers: Headers = ((b"Content-Type", b"application/json"),)
    chunks: Sequence[bytes] = ()
    framing: Literal["length", "chunked", "eof", "bare"] = "length"
    reason: str | None = None
    trailers: Headers = ()
    wait_s: float = 0.0
    pause_s: float = 0.0
    preface: bytes = b""
    tail: bytes = b""
    declared: int | None = None  # a Content-Length that need not be true
    stop_at: int | None = None
    end: Literal["keep", "close", "reset", "hang"] = "keep"
    hang_s: float = HANG_S

    @property
    def body(self) -> bytes:
        """The whole body before framing."""
        return b"".join(self.chunks)


def head_bytes(reply: Reply) -> bytes:
    """Status line and fields, with the field that the framing needs."""
    reason = reply.reason if reply.reason is not None else _reason(reply.status)
    lines = [f"HTTP/1.1 {reply.status} {reason}".encode("latin-1")]
    lines += [name + b": " + value for name, value in reply.headers]
    if reply.framing == "chunked":
        lines.append(b"Transfer-Encoding: chunked")
    elif reply.framing == "length" and reply.status not in {204, 304}:
        size = len(reply.body) if reply.declared is None else reply.declared
        lines.append(b"Content-Length: %d" % size)
    elif reply.framing == "eof":
        lines.append(b"Connection: close")
    return b"\r\n".join(lines) + b"\r\n\r\n"


def body_pieces(reply: Reply) -> Iterator[bytes]:
    """The body as it is framed, cut at `stop_at`."""
    left = reply.stop_at
    for piece in _framed(reply):
        if left is None:
            yield piece
            continue
        if piece[:left]:
            yield piece[:left]
        left -= len(piece)
        if left <= 0:
            return


def _framed(reply: Reply) -> Iterator[bytes]:
    if reply.framing != "chunked":
        yield from (chunk for chunk in reply.chunks if chunk)
        return
    for chunk in reply.chunks:
        if chunk:
            yield b"%x\r\n%b\r\n" % (len(chunk), chunk)
    trailers = b"".join(name + b": " + value + b"\r\n" for name, value in reply.trailers)
    yield b"0\r\n" + trailers + b"\r\n"


def _reason(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unheard Of"


async def read_head(reader: asyncio.StreamReader) -> Head | None:
    """The next request's head, or None when the peer has no more."""
    try:
        raw = await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError):
        return None
    first, *rest = raw[:-4].split(b"\r\n")
    method, target, version = first.split(b" ", 2)
    fields = (line.split(b":", 1) for line in rest)
    headers = tuple((name, value.strip(b" \t")) for name, value in fields)
    return Head(method.decode("latin-1"), target, version, headers)


async def read_body(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, head: Head
) -> bytes:
    """The request's body; raises IncompleteReadError if the peer left in its middle."""
    if (head.header(b"expect") or b"").lower() == b"100-continue":
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    if (head.header(b"transfer-encoding") or b"").lower() == b"chunked":
        return await _read_chunks(reader)
    return await reader.readexactly(int(head.header(b"content-length") or 0))


async def _read_chunks(reader: asyncio.StreamReader) -> bytes:
    parts = []
    while size := int((await reader.readline()).split(b";")[0], 16):
        parts.append(await reader.readexactly(size))
        await reader.readexactly(2)
    while (await reader.readline()).strip():
        pass
    return b"".join(parts)


async def send(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, reply: Reply, *, method: str
) -> bool:
    """Put the reply on the wire; True if the connection may carry another call."""
    await asyncio.sleep(reply.wait_s)
    if reply.stop_at != -1:
        writer.write(reply.preface + head_bytes(reply))
        if method != "HEAD":
            await _send_body(writer, reply)
        writer.write(reply.tail)
        await writer.drain()
    if reply.end == "hang":
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(reader.read(1), reply.hang_s)
    if reply.end == "reset":
        reset(writer)
    return reply.end == "keep" and reply.framing != "eof"


async def _send_body(writer: asyncio.StreamWriter, reply: Reply) -> None:
    for piece in body_pieces(reply):
        writer.write(piece)
        await writer.drain()
        if reply.pause_s:
            await asyncio.sleep(reply.pause_s)


def reset(writer: asyncio.StreamWriter) -> None:
    """Drop the connection with a RST, the way a crashed peer does.

    What was written before is given to the kernel first; a RST may still overtake it.
    """
    sock = writer.get_extra_info("socket")
    if sock is not None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RST)
    writer.transport.abort()
