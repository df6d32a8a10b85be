"""What a caller's bytes mean: uvicorn's protocol on httptools, with caps and suspicion."""

import asyncio
import urllib.parse
from typing import Any

import httptools
from uvicorn._types import ASGI3Application, HTTPScope
from uvicorn.config import Config
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT
from uvicorn.server import ServerState

from proxy.edge.connection import NEVER, Connection, Reading
from proxy.edge.exchange import Exchange
from proxy.edge.head import check_head, expects_continue, without_upgrade
from proxy.edge.limits import EdgeLimits
from proxy.edge.refusals import bad_request
from proxy.edge.status import ServerStatus
from proxy.errors import HeadersTooLarge, Refusal

STOPPED = frozenset((Reading.REFUSED, Reading.LEAVING))


class EdgeProtocol(Connection):
    """One caller's connection, from bytes to ASGI calls."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
        *,
        limits: EdgeLimits,
        status: ServerStatus,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop, limits=limits, status=status)
        self.url = b""
        self.headers = []
        self._unframed_bytes = 0  # fed since the parser last said anything final
        self._swallowed_bytes = 0  # of a body that nobody wants any more
        self._declined: bytes | None = None  # a head rewritten without its Upgrade

    # Bytes in

    def data_received(self, data: bytes) -> None:
        """Feed the parser; whatever it or our rules object to ends the connection."""
        if self.reading in STOPPED:
            return
        self._unframed_bytes += len(data)
        try:
            self.parser.feed_data(data)
            self._check_caps()
        except httptools.HttpParserUpgrade as upgrade:
            self._feed_declined(data[upgrade.args[0] :])
        except httptools.HttpParserCallbackError as error:
            self._refuse(_reason(error))
        except httptools.HttpParserError:
            self._refuse(bad_request("not HTTP/1.1"))
        except Refusal as refusal:
            self._refuse(refusal)

    def _check_caps(self) -> None:
        """Bound what the parser holds unfinished, and what it reads for nobody."""
        if self._unframed_bytes > self.limits.head_bytes_max:
            raise HeadersTooLarge
        if len(self.headers) > self.limits.fields_max:
            raise HeadersTooLarge
        if self._swallowed_bytes > self.limits.unread_bytes_max:
            self._leave()

    def _feed_declined(self, rest: bytes) -> None:
        """Read a request that offered an Upgrade again, as the plain HTTP/1.1 it also is."""
        head, self._declined = self._declined, None
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
        self._unframed_bytes = 0
        self.data_received((head or b"") + rest)

    # What the parser saw

    def on_message_begin(self) -> None:
        """A request's first byte after any blank lines."""
        self.url = b""
        self.headers = []
        self._wait(Reading.HEAD, self.limits.head_s)

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header, or a trailer: after the head this is a list that nobody reads."""
        self.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        """Check the head and start the call, or queue it behind the one being answered."""
        parser, headers = self.parser, self.headers
        version = parser.get_http_version()
        self._check_size()
        check_head(version, self.url, headers)
        if parser.should_upgrade():
            self._declined = without_upgrade(parser.get_method(), self.url, version, headers)
            return
        self.headers = []
        self._unframed_bytes = self._swallowed_bytes = 0
        self._wait(Reading.BODY, self.limits.body_s)
        self._begin(self._exchange(version, headers))

    def on_body(self, body: bytes) -> None:
        """A piece of the body, for the app or, after its answer, for nobody."""
        self._unframed_bytes = 0
        exchange = self.cycle
        if exchange.response_complete:
            self._swallowed_bytes += len(body)
            return
        exchange.body += body
        if len(exchange.body) > HIGH_WATER_LIMIT:
            self.flow.pause_reading()
        exchange.message_event.set()

    def on_message_complete(self) -> None:
        """The request is whole; its answer has no deadline here."""
        if self._declined is not None:
            return
        self._unframed_bytes = 0
        exchange = self.cycle
        if exchange.response_complete:
            self._rest()
            return
        self.reading, self.deadline = Reading.NOTHING, NEVER
        exchange.more_body = False
        exchange.message_event.set()

    def _check_size(self) -> None:
        size = self._unframed_bytes
        if size > self.limits.head_bytes_max:  # the body's first bytes may be among them
            size = len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
        if size > self.limits.head_bytes_max or len(self.headers) > self.limits.fields_max:
            raise HeadersTooLarge

    def _exchange(self, version: str, headers: list[tuple[bytes, bytes]]) -> Exchange:
        keep_alive = version != "1.0" and self.parser.should_keep_alive()
        return Exchange(
            scope=self._scope(version, headers),
            transport=self.transport,
            flow=self.flow,
            logger=self.logger,
            access_logger=self.access_logger,
            access_log=False,
            default_headers=[],
            message_event=asyncio.Event(),
            expect_100_continue=expects_continue(version, headers),
            keep_alive=keep_alive and not self.status.draining,
            on_response=self.on_response_complete,
        )

    def _scope(self, version: str, headers: list[tuple[bytes, bytes]]) -> HTTPScope:
        raw_path, _, query = self.url.partition(b"?")
        path = raw_path.decode("ascii")
        return {
            "type": "http",
            "asgi": {"version": self.asgi_version, "spec_version": "2.3"},
            "http_version": version,
            "server": self.server,
            "client": self.client,
            "scheme": self.scheme or "http",
            "method": self.parser.get_method().decode("ascii"),
            "root_path": "",
            "path": urllib.parse.unquote(path) if "%" in path else path,
            "raw_path": raw_path,
            "query_string": query,
            "headers": headers,
            "state": self.app_state.copy(),
        }

    # Calls and their answers

    def _begin(self, exchange: Exchange) -> None:
        self.cycle = exchange
        if self.answering is None:
            self._start(exchange, self.app)
            return
        self.flow.pause_reading()
        self.pipeline.appendleft((exchange, self.app))
        if len(self.pipeline) > self.limits.pipelined_max:
            raise bad_request("too many requests sent ahead of their answers")

    def _start(self, exchange: Exchange, app: ASGI3Application) -> None:
        self.answering = exchange
        self._stalled_s = 0.0
        self._start_asgi_task(exchange, app)

    def on_response_complete(self) -> None:
        """The answer is with the transport: on to the next call, a refusal, or rest."""
        answered, self.answering = self.answering, None
        if self.transport.is_closing() or answered is None:
            return
        self.flow.resume_reading()
        if not answered.keep_alive:
            self._leave()
        elif self.pipeline:
            exchange, app = self.pipeline.pop()
            self._start(exchange, app)  # type: ignore[arg-type]  # only Exchanges are queued
        elif self._refusal is not None:
            self._say_last(self._refusal)
        elif self.reading is Reading.NOTHING:
            self._rest()
        elif self.reading is Reading.BODY:
            self.deadline = self.loop.time() + self.limits.linger_s

    def _rest(self) -> None:
        """Wait for the next request, or leave when the server does."""
        if self.status.draining:
            self._leave()
        else:
            self._wait(Reading.NOTHING, self.limits.idle_s)


def _reason(error: httptools.HttpParserCallbackError) -> Refusal:
    """What one of our callbacks objected to; anything but a refusal is a fault of ours."""
    if isinstance(error.__context__, Refusal):
        return error.__context__
    raise error
