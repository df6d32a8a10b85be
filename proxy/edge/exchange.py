"""One request and its answer on the wire: uvicorn's cycle with the app's bytes kept.

Differs from uvicorn: header names keep their case, HEAD, 204 and 304 may announce a length,
HTTP/1.0 callers get no chunks, and a failure is answered in our envelope.
"""

from uvicorn._types import ASGISendEvent, HTTPResponseBodyEvent, HTTPResponseStartEvent
from uvicorn.protocols.http.httptools_impl import (
    HEADER_RE,
    HEADER_VALUE_RE,
    STATUS_LINE,
    RequestResponseCycle,
)

from proxy.edge.refusals import InternalError
from proxy.errors import envelope


class Exchange(RequestResponseCycle):
    """The ASGI side of one request: what the app receives from and sends to its caller."""

    bodiless = False
    """The answer to HEAD, 204 and 304 end with their headers."""
    said_close = False
    unframed = False
    """HTTP/1.0 without a length: the end of the connection ends the body."""

    async def send(self, message: ASGISendEvent) -> None:
        """ASGI `send`: waits while the caller is not reading, drops what nobody reads."""
        if self.flow.write_paused and not self.disconnected:
            await self.flow.drain()
        if self.disconnected:
            return
        if message["type"] == "http.response.start" and not self.response_started:
            self._start(message)
        elif message["type"] == "http.response.body" and self.response_started:
            self._continue(message)
        else:
            raise RuntimeError(f"ASGI message {message['type']!r} out of order")

    def _start(self, message: HTTPResponseStartEvent) -> None:
        status = message["status"]
        headers = list(message.get("headers", ()))
        _check_clean(headers)
        lines = [STATUS_LINE[status]]
        for name, value in headers:
            self._notice(name.lower(), value)
            lines += (name, b": ", value, b"\r\n")
        self._frame(status, lines)
        lines.append(b"\r\n")
        self.response_started = True
        self.transport.write(b"".join(lines))

    def _notice(self, name: bytes, value: bytes) -> None:
        if name == b"content-length":
            self.expected_content_length = int(value)
            self.chunked_encoding = False
        elif name == b"connection" and b"close" in value.lower():
            self.keep_alive = False
            self.said_close = True

    def _frame(self, status: int, lines: list[bytes]) -> None:
        """Say how the body ends, and whether the connection does with it."""
        if self.waiting_for_100_continue:
            # The caller may or may not send its body now: no next request can be found.
            self.waiting_for_100_continue = self.keep_alive = False
        self.bodiless = self.scope["method"] == "HEAD" or status in (204, 304)
        if self.chunked_encoding is None and not self.bodiless:
            self.chunked_encoding = self.scope["http_version"] != "1.0"
            self.unframed = not self.chunked_encoding
            if self.chunked_encoding:
                lines.append(b"transfer-encoding: chunked\r\n")
        if not self.keep_alive and not self.said_close:
            lines.append(b"connection: close\r\n")

    def _continue(self, message: HTTPResponseBodyEvent) -> None:
        if self.response_complete:
            raise RuntimeError("ASGI message after the answer was complete")
        body = message.get("body", b"")
        more = message.get("more_body", False)
        if not self.bodiless:
            self._write(body, more=more)
        if not more:
            self.response_complete = True
            self.message_event.set()
            self.on_response()

    def _write(self, body: bytes, *, more: bool) -> None:
        if self.chunked_encoding:
            chunk = b"%x\r\n%b\r\n" % (len(body), body) if body else b""
            self.transport.write(chunk if more else chunk + b"0\r\n\r\n")
            return
        if not self.unframed:
            self.expected_content_length -= len(body)
            if self.expected_content_length < 0:
                raise RuntimeError("answer longer than its Content-Length")
            if not more and self.expected_content_length:
                raise RuntimeError("answer shorter than its Content-Length")
        self.transport.write(body)

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


def _check_clean(headers: list[tuple[bytes, bytes]]) -> None:
    if HEADER_RE.search(b"".join([name for name, _ in headers])):
        raise RuntimeError("invalid header name in an answer")
    if HEADER_VALUE_RE.search(b"".join([value for _, value in headers])):
        raise RuntimeError("invalid header value in an answer")
