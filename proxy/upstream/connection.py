"""One connection to the upstream: it carries one exchange at a time."""

import asyncio
import select
from typing import Protocol, cast

from proxy.gathered import Gathered, Outbox
from proxy.upstream.deadlines import Deadlines
from proxy.upstream.errors import Broken, NotSent, TimedOut, UpstreamError
from proxy.upstream.exchange import Exchange
from proxy.upstream.reader import Reader

PIECE_BYTES = 256 * 1024

_REFUSED = 400


class Home(Protocol):
    """The pool, as a connection sees it."""

    outbox: Outbox
    deadlines: Deadlines

    def put(self, connection: "Connection") -> None:
        """Take back a connection whose answer ended cleanly."""

    def lost(self, connection: "Connection") -> None:
        """Forget a connection that is gone."""


class Connection(asyncio.Protocol):
    """Leased to one exchange; any byte out of turn breaks it for good."""

    def __init__(self, loop: asyncio.AbstractEventLoop, home: Home, pool: str) -> None:
        self.pool = pool
        self.idle_since = 0.0
        self.closed = False
        self._loop = loop
        self._home = home
        self._exchange: Exchange | None = None
        self._reader = Reader(b"")
        self._span_s: float | None = None  # what the running exchange may take
        self._handed_before = 0
        self._writing = False
        self._full = False
        self._paused = False
        self._drained: asyncio.Future[None] | None = None

    # what the pool asks

    def quiet(self) -> bool:
        """Whether an idle connection is still open, with nothing unasked waiting unread."""
        return not (self.closed or self._transport.is_closing() or self._poll.poll(0))

    # one exchange

    def start(self, method: bytes, request: bytes, *, timeout_s: float, whole: bool) -> Exchange:
        """Hand `request` to the socket; `timeout_s` runs from here to the answer's last byte.

        Raises:
            NotSent: the connection was closed before any byte was handed over.
        """
        if self.closed or self._transport.is_closing():
            raise NotSent("the upstream closed the connection before the request")
        exchange = self._exchange = Exchange(self, self._loop)
        self._reader = Reader(method)
        self._handed_before = self._transport.handed
        self._writing = not whole
        self._span_s = timeout_s
        self._home.deadlines.begin(self, timeout_s)
        self._transport.write(request)
        return exchange

    async def write_body(self, body: bytes) -> None:
        """Write a large body as fast as the socket takes it, until it or the answer is over."""
        view = memoryview(body)
        for at in range(0, len(body), PIECE_BYTES):
            await self._room()
            if self._refused():
                return
            self._transport.write(view[at : at + PIECE_BYTES])
        self._writing = False

    def pause(self) -> None:
        """Stop reading, and the clock: the caller is behind, and the upstream is not to blame."""
        if not self._paused and not self._transport.is_closing():
            self._paused = True
            self._transport.pause_reading()
            if self._span_s is not None:
                self._home.deadlines.end(self, self._span_s)

    def resume(self) -> None:
        """Read on."""
        if self._paused and not self._transport.is_closing():
            self._paused = False
            self._transport.resume_reading()
            if self._span_s is not None:
                self._home.deadlines.begin(self, self._span_s)

    def drop(self) -> None:
        """Break the connection; an exchange on it fails."""
        self._fail(Broken("the connection was dropped before the answer's end"))

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport, and a poll object to look for unasked bytes with."""
        self._transport = Gathered(cast("asyncio.Transport", transport), self._home.outbox)
        self._poll = select.poll()
        self._poll.register(transport.get_extra_info("socket").fileno(), select.POLLIN)

    def data_received(self, data: bytes) -> None:
        """Pass on what belongs to the exchange; anything else breaks the connection."""
        exchange = self._exchange
        if exchange is None or self._unsent():  # an answer before the question
            self.drop()
            return
        reader = self._reader
        try:
            piece = reader.feed(data)
        except Broken as error:
            self._fail(error)
            return
        if exchange.head is None and reader.head is not None:
            exchange.begin(reader.head)
        if piece:
            exchange.put(piece)
        if reader.ended:
            self._finish(exchange)
        self._wake_writer()

    def connection_lost(self, exc: Exception | None) -> None:
        """Decide whether the close ended the answer or cut it off."""
        self.closed = True
        exchange = self._exchange
        if exchange is not None and exc is not None:
            self._fail(Broken(f"the line broke: {exc}"))
        elif exchange is not None:
            self._close(exchange)
        self._home.lost(self)

    def pause_writing(self) -> None:
        """The socket is full."""
        self._full = True

    def resume_writing(self) -> None:
        """The socket has room."""
        self._full = False
        self._wake_writer()

    # endings

    def _close(self, exchange: Exchange) -> None:
        try:
            self._reader.close()
        except Broken as error:
            self._fail(error)
        else:
            self._finish(exchange)

    def _finish(self, exchange: Exchange) -> None:
        clean = self._reader.reusable and not self._writing and not self.closed
        self._let_go()
        exchange.end()
        if clean and self._transport.get_write_buffer_size() == 0:
            self.resume()
            self._home.put(self)
        else:
            self.drop()

    def _fail(self, error: UpstreamError) -> None:
        exchange = self._exchange
        if exchange is not None and self._unsent():  # and from here on it never will be
            error = NotSent(f"{error}; nothing had been sent")
        self.closed = True
        self._let_go()
        self._transport.abort()
        if exchange is not None:
            exchange.fail(error)

    def _unsent(self) -> bool:
        """Whether all of the request still waits for the end of the turn."""
        return self._transport.handed == self._handed_before

    def _let_go(self) -> None:
        self._exchange = None
        if self._span_s is not None:
            self._home.deadlines.end(self, self._span_s)
            self._span_s = None
        self._wake_writer()

    def expire(self) -> None:
        """The exchange has had its time."""
        self._fail(TimedOut("the upstream did not finish its answer in time"))

    # a large body's writer

    async def _room(self) -> None:
        while self._full and not self._refused():
            self._drained = self._loop.create_future()
            try:
                await self._drained
            finally:
                self._drained = None

    def _refused(self) -> bool:
        """Whether writing on is pointless: the answer is over, or is an early refusal."""
        head = self._reader.head
        return self._exchange is None or (head is not None and head.status >= _REFUSED)

    def _wake_writer(self) -> None:
        if self._drained is not None and not self._drained.done():
            self._drained.set_result(None)
