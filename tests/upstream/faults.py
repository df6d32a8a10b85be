"""An upstream made of raw sockets: a script says, byte by byte, what a connection does."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from ssl import SSLContext
from typing import Any

import uvloop

from proxy.upstream import Answer, Upstream

RUNNERS = {"asyncio": asyncio.run, "uvloop": uvloop.run}
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"

Script = Callable[["Line"], Awaitable[None]]


@dataclass
class Seen:
    """One request as the server read it."""

    head: bytes
    body: bytes


@dataclass
class Server:
    """Where it listens and what it saw."""

    host: str = "127.0.0.1"
    port: int = 0
    scheme: str = "http"
    seen: list[Seen] = field(default_factory=list)
    connections: int = 0
    raw_bytes: int = 0

    @property
    def origin(self) -> str:
        return f"{self.scheme}://{self.host}:{self.port}"

    @property
    def posts(self) -> int:
        return sum(request.head.startswith(b"POST ") for request in self.seen)


@dataclass
class Line:
    """One accepted connection, from the server's side."""

    server: Server
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def head(self) -> bytes:
        head = await self.reader.readuntil(b"\r\n\r\n")
        self.server.raw_bytes += len(head)
        return head

    async def request(self) -> bytes:
        """Read one whole request and return its head."""
        head = await self.head()
        length = 0
        for line in head.lower().split(b"\r\n"):
            if line.startswith(b"content-length:"):
                length = int(line.partition(b":")[2])
        body = await self.reader.readexactly(length)
        self.server.seen.append(Seen(head, body))
        return head

    async def say(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def serve(self, *answers: bytes) -> None:
        """Answer one request after another, each with the next answer."""
        for answer in answers:
            await self.request()
            await self.say(answer)

    def close(self) -> None:
        self.writer.close()

    def reset(self) -> None:
        """Close so that the peer gets a RST."""
        raw = self.writer.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()

    async def gone(self) -> None:
        """Wait until the client has closed."""
        try:
            while await self.reader.read(65536):
                pass
        except ConnectionError:
            pass


async def echoes(line: Line) -> None:
    """Answer each request with its own target."""
    while True:
        target = (await line.request()).split(b" ")[1]
        await line.say(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(target), target))


def after_a_good_one(fault: Script) -> Script:
    """Serve a first request well, and only then do this."""

    async def script(line: Line) -> None:
        await line.serve(OK)
        await fault(line)

    return script


@asynccontextmanager
async def serving(*scripts: Script, tls: SSLContext | None = None) -> AsyncIterator[Server]:
    """A server whose n-th connection plays the n-th script, the last one again and again."""
    server = Server(scheme="https" if tls else "http")
    writers: set[asyncio.StreamWriter] = set()

    async def play(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.add(writer)
        script = scripts[min(server.connections, len(scripts) - 1)]
        server.connections += 1
        try:
            await script(Line(server, reader, writer))
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()
            writers.discard(writer)

    listener = await asyncio.start_server(play, "127.0.0.1", 0, ssl=tls, limit=1 << 20, backlog=512)
    server.port = listener.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listener.close()
        for writer in tuple(writers):
            writer.transport.abort()
        await listener.wait_closed()
        await settle()


@asynccontextmanager
async def client(
    server: Server, *, timeout_s: float = 10, rest_s: float = 0, **options: Any
) -> AsyncIterator[Upstream]:
    """An `Upstream` for that server, closed at the end; its connections need no rest."""
    upstream = Upstream(server.origin, timeout_s=timeout_s, rest_s=rest_s, **options)
    try:
        yield upstream
    finally:
        await upstream.aclose()


async def post(upstream: Upstream, target: bytes = b"/pay", *, key: str = "k", body: bytes = b"pay",
               submit: bool = True) -> Answer:  # fmt: skip
    """One submit."""
    return await upstream.send(b"POST", target, [], body, pool=key, submit=submit)


async def paid(upstream: Upstream, target: bytes = b"/pay", *, key: str = "k", body: bytes = b"pay",
               submit: bool = True) -> bytes:  # fmt: skip
    """One submit and its whole body."""
    answer = await post(upstream, target, key=key, body=body, submit=submit)
    try:
        return await drained(answer)
    finally:
        answer.close()


async def drained(answer: Answer) -> bytes:
    """The rest of a body."""
    return b"".join([piece async for piece in answer.chunks()])


async def settle() -> None:
    """Let what is ready run: closes and cancellations need a turn or two of the loop."""
    for _ in range(10):
        await asyncio.sleep(0)


async def until(true: Callable[[], bool]) -> None:
    """Wait for what has no event to wait for; the test's time limit bounds it."""
    while not true():  # noqa: ASYNC110 - a socket's end is nobody's event
        await asyncio.sleep(0.001)


def sockets() -> int:
    """How many sockets this process holds."""
    found = 0
    for descriptor in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):  # the listing's own, gone by now
            found += str(descriptor.readlink()).startswith("socket:")
    return found


def on(loop: str, story: Coroutine[Any, Any, None]) -> None:
    """Run a test's story on the named event loop."""
    RUNNERS[loop](story)
