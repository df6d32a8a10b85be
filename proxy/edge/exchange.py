"""One request and its answer on the wire: uvicorn's cycle with the app's bytes kept.

Differs from uvicorn's: header names keep their case, HEAD, 204 and 304 may announce a length,
HTTP/1.0 callers get no chunks, a failure is answered in our envelope, and the event that wakes
a waiting app is made only when an app has to wait.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from uvicorn._types import (
    ASGI3Application,
    ASGIReceiveEvent,
    ASGISendEvent,
    HTTPScope,
)
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

from proxy.edge.known import News
from proxy.edge.refusals import InternalError
from proxy.errors import envelope

WATCHED = frozenset((b"content-length", b"connection"))
WATCHED_BYTES = frozenset(map(len, WATCHED))
CUT = "farebox.response.cut"
"""Type of the message, beside ASGI's own, that ends an answer which came only in part."""
FIELDS = "farebox.fields"
"""In the scope: the known header fields of the request, where they are known."""
TARGET = "farebox.target"
"""In the scope: the request target as sent, where ASGI cannot tell `/a?` from `/a`."""
COPIED_MAX = 16 * 1024
"""A larger piece goes out beside its frame: to copy it took a sixth of what a megabyte costs."""
WHOLE = "farebox.response.whole"
"""Type of the message that is start and body in one: they go to the socket in one write."""


def _nobody() -> None:
    """Stand for whoever was told of an answer's end: nobody is, twice."""


class Exchange(RequestResponseCycle):
    """The ASGI side of one request: what the app receives from and sends to its caller."""

    # Where every exchange starts; most end with few of these changed.
    disconnected = False
    more_body = True
    response_started = False
    response_complete = False
    chunked_encoding = None
    expected_content_length = 0
    bodiless = False  # the answer to HEAD, 204 and 304 end with their headers
    unframed = False  # HTTP/1.0 without a length: the end of the connection ends the body
    said_close = False
    status = 0  # of the answer
    news: News | None = None  # what may be known of its head from now on
    _head = b""  # of an answer whose body is at hand
    _news = False  # something came that the app has not received yet
    _bell: asyncio.Event | None = None
    _task: "asyncio.Task[None] | None" = None

    def __init__(
        self,
        scope: HTTPScope,
        transport: asyncio.Transport,
        flow: FlowControl,
        logger: logging.Logger,
        on_response: Callable[[], None],
        *,
        expects_continue: bool,
        keep_alive: bool,
        unread_bytes_max: int,
    ) -> None:
        self.scope = scope
        self.transport = transport
        self.flow = flow
        self.logger = logger
        self.on_response = on_response
        self.keep_alive = keep_alive
        self.waiting_for_100_continue = expects_continue
        self.unread_bytes_max = unread_bytes_max
        self.body = bytearray()

    # The app

    def start(
        self,
        app: ASGI3Application,
        loop: asyncio.AbstractEventLoop,
        tasks: "set[asyncio.Task[None]]",
    ) -> None:
        """Have the app answer, by a task that is among `tasks` until it has."""
        self._task = loop.create_task(self._answered(app, tasks))
        tasks.add(self._task)

    async def _answered(self, app: ASGI3Application, tasks: "set[asyncio.Task[None]]") -> None:
        try:
            await app(self.scope, self.receive, self.send)
        except BaseException as error:
            self.logger.exception("a call's handling failed", exc_info=error)
            await self._fail()
        else:
            if not (self.response_complete or self.disconnected):
                self.logger.error("a call's handling ended before its answer did")
                await self._fail()
        finally:
            # Here and not by a callback of the task: that was a turn of the loop more.
            tasks.discard(self._task)
            self._task, self.on_response = None, _nobody

    async def _fail(self) -> None:
        if self.response_started:
            self.transport.close()
        else:
            await self.send_500_response()

    # From the caller

    def wake(self) -> None:
        """Tell a waiting app that there is news: body, its end, or the caller's."""
        self._news = True
        if self._bell is not None:
            self._bell.set()

    async def receive(self) -> ASGIReceiveEvent:
        """ASGI `receive`: waits until there is news, and asks for a body held back."""
        if self.waiting_for_100_continue and not self.transport.is_closing():
            self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            self.waiting_for_100_continue = False
        if not (self._news or self.disconnected or self.response_complete):
            await self._wait_for_news()
        self._news = False
        if self.disconnected or self.response_complete:
            return {"type": "http.disconnect"}
        body, self.body = self.body, bytearray()
        if self.flow.read_paused:
            self.flow.resume_reading()
        return {"type": "http.request", "body": bytes(body), "more_body": self.more_body}

    async def _wait_for_news(self) -> None:
        self.flow.resume_reading()
        self._bell = self._bell or asyncio.Event()
        self._bell.clear()
        await self._bell.wait()

    # To the caller

    async def send(self, message: ASGISendEvent) -> None:
        """ASGI `send`: waits while the caller is not reading, drops what nobody reads."""
        kind = message["type"]
        if kind == CUT:
            self._cut()
            return
        if self.flow.write_paused and not self.disconnected:
            await self.flow.drain()
        if self.disconnected:
            return
        if kind == "http.response.body" and self.response_started:
            self._continue(message)
        elif kind == "http.response.start" and not self.response_started:
            self.transport.write(self._start(message))
        elif kind == WHOLE and not self.response_started:
            self._head = self._start(message)
            self._continue(message)
        else:
            raise RuntimeError(f"ASGI message {kind!r} out of order")

    def _cut(self) -> None:
        """End the answer short, so that its reader can tell it from a whole one."""
        self.disconnected = True
        if self.unframed:
            self.transport.abort()
        else:
            self.transport.close()

    def _start(self, message: Any) -> bytes:
        """Begin the answer; its head as it goes to the socket."""
        self.status = message["status"]
        known = STATUS_LINE.get(self.status)
        lines = [known[:-2] if known else b"HTTP/1.1 %d " % self.status]  # from 600 on: nameless
        headers = message.get("headers", ())
        for name, value in headers:
            if len(name) in WATCHED_BYTES and name.lower() in WATCHED:
                self._notice(name.lower(), value)
        lines += [b": ".join(pair) for pair in headers]
        self._frame(message["status"], lines)
        head = b"\r\n".join(lines)
        if len(head) - len(head.translate(None, b"\r\n")) != 2 * (len(lines) - 1):
            raise RuntimeError("a header of the answer holds a line break")
        self.response_started = True
        return head + b"\r\n\r\n"

    def _notice(self, name: bytes, value: bytes) -> None:
        if name == b"content-length":
            self.expected_content_length = int(value)
            self.chunked_encoding = False
        elif b"close" in value.lower():
            self.keep_alive = False
            self.said_close = True

    def _frame(self, status: int, lines: list[bytes]) -> None:
        """Say how the body ends, and whether the connection does with it."""
        if self.waiting_for_100_continue:
            # The caller may or may not send its body now: no next request can be found.
            self.waiting_for_100_continue = self.keep_alive = False
        if self.more_body and not self._ends_soon():
            self.keep_alive = False  # said now: a caller must not send its next call here
        if status in (204, 304) or self.scope["method"] == "HEAD":
            self.bodiless = True
        elif self.chunked_encoding is None:
            self.chunked_encoding = self.scope["http_version"] != "1.0"
            self.unframed = not self.chunked_encoding
            if self.chunked_encoding:
                lines.append(b"transfer-encoding: chunked")
        if not (self.keep_alive or self.said_close):
            lines.append(b"connection: close")

    def _ends_soon(self) -> bool:
        """Whether what is left of an unread body may be swallowed to keep the connection."""
        lengths = (value for name, value in self.scope["headers"] if name == b"content-length")
        return int(next(lengths, self.unread_bytes_max + 1)) <= self.unread_bytes_max

    def _continue(self, message: Any) -> None:
        if self.response_complete:
            raise RuntimeError("ASGI message after the answer was complete")
        more = message.get("more_body", False)
        if not self.bodiless:
            self._write(message.get("body", b""), more=more)
        elif self._head:
            self.transport.write(self._head)
        self._head = b""
        if not more:
            self.response_complete = True
            if self._bell is not None:
                self._bell.set()
            self.on_response()

    def _write(self, body: bytes, *, more: bool) -> None:
        if self.chunked_encoding:
            self._write_chunk(body, b"" if more else b"0\r\n\r\n")
            return
        if not self.unframed:
            self.expected_content_length -= len(body)
            if self.expected_content_length < 0:
                raise RuntimeError("answer longer than its Content-Length")
            if not more and self.expected_content_length:
                raise RuntimeError("answer shorter than its Content-Length")
        self.transport.write(self._head + body if self._head else body)

    def _write_chunk(self, body: bytes, end: bytes) -> None:
        if len(body) > COPIED_MAX:
            pieces = (self._head + b"%x\r\n" % len(body), body, b"\r\n" + end)
            self.transport.writelines(pieces)
            return
        chunk = b"%x\r\n%b\r\n" % (len(body), body) if body else b""
        self.transport.write(self._head + chunk + end)

    async def send_500_response(self) -> None:
        """Answer a call whose handling failed, in the envelope its client understands."""
        body = envelope(InternalError())
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", b"%d" % len(body)),
            (b"connection", b"close"),
        ]
        await self.send({"type": "http.response.start", "status": 500, "headers": headers})
        await self.send({"type": "http.response.body", "body": body, "more_body": False})
