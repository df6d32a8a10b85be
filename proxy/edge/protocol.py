"""What a caller's bytes mean: uvicorn's protocol on httptools, with caps and suspicion."""

import httptools
from uvicorn._types import ASGI3Application, HTTPScope
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT

from proxy.edge.connection import BODY, HEAD, LEAVING, NEVER, NOTHING, REFUSED, Connection
from proxy.edge.exchange import FIELDS, TARGET, Exchange
from proxy.edge.head import check_head, without_upgrade
from proxy.edge.known import Field, Known, Line, news
from proxy.edge.refusals import bad_request
from proxy.errors import HeadersTooLarge, Refusal

STOPPED = frozenset((REFUSED, LEAVING))
REFUSED_FROM = 400  # the head of a call that was not let in is not kept


class EdgeProtocol(Connection):
    """One caller's connection, from bytes to ASGI calls."""

    cycle: Exchange

    _unframed_bytes = 0  # fed since the parser last said anything final
    _swallowed_bytes = 0  # of a body that nobody wants any more
    _declined: bytes | None = None  # a head rewritten without its Upgrade
    _whole: bytes | None = None  # what is being fed, if a request begins with it

    # Bytes in

    def data_received(self, data: bytes) -> None:
        """Feed the parser; whatever it or our rules object to ends the connection."""
        if self.reading in STOPPED:
            return
        begins = self.reading is NOTHING and not self._unframed_bytes
        if begins and self.answering is None and (known := self.known.find(data)) is not None:
            self._take(known)
            return
        self._whole = data if begins else None
        self._unframed_bytes += len(data)
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._feed_declined(data[upgrade.args[0] :])
        except httptools.HttpParserCallbackError as error:
            self._refuse(_reason(error))
        except httptools.HttpParserError:
            self._refuse(bad_request("not HTTP/1.1"))
        else:
            if self.reading is not NOTHING or self._unframed_bytes:
                self._look_at_the_unfinished()

    def _take(self, known: Known) -> None:
        """Begin a call whose head the parser need not read again."""
        self._swallowed_bytes = 0
        self.deadline = NEVER
        scope = self._scope("1.1", known.line, known.headers)
        scope[FIELDS] = known.fields  # type: ignore[literal-required]  # beside what ASGI names
        exchange = self._exchange(scope, expects_continue=False, keep_alive=True)
        exchange.body += known.body
        exchange.more_body = False
        exchange.wake()
        self._begin(exchange)

    def _look_at_the_unfinished(self) -> None:
        """Bound what the parser holds, what it reads for nobody, and how long it may take."""
        if self._unframed_bytes > self.limits.head_bytes_max:
            self._refuse(HeadersTooLarge())
        elif self._swallowed_bytes > self.limits.unread_bytes_max:
            self._leave()
        elif self.deadline == NEVER and self.reading is HEAD:
            self._wait(HEAD, self.limits.head_s)
        elif self.deadline == NEVER and self.reading is BODY:
            self._wait(BODY, self.limits.body_s)

    def _feed_declined(self, rest: bytes) -> None:
        """Read a request that offered an Upgrade again, as the plain HTTP/1.1 it also is."""
        head, self._declined = self._declined, None
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
        self._unframed_bytes = 0
        self.data_received((head or b"") + rest)

    # What the parser saw; deadlines are set after a feed, for what it left unfinished

    def on_message_begin(self) -> None:
        """A request's first byte after any blank lines."""
        self.url = b""
        self.headers = []
        self.reading, self.deadline = HEAD, NEVER

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header, or a trailer: after the head this is a list that nobody reads."""
        self.headers.append((name.lower(), value.rstrip(b" \t")))  # llhttp leaves them

    def on_headers_complete(self) -> None:
        """Check the head and start the call, or queue it behind the one being answered."""
        parser, headers = self.parser, self.headers
        version = parser.get_http_version()
        self._check_size()
        expects_continue = check_head(version, self.url, headers)
        if parser.should_upgrade():
            self._decline(parser.get_method(), version)
            return
        self.headers = []
        self._unframed_bytes = self._swallowed_bytes = 0
        self.reading, self.deadline = BODY, NEVER
        line = Line.of(parser.get_method().decode("ascii"), self.url)
        exchange = self._exchange(
            self._scope(version, line, headers),
            expects_continue=expects_continue,
            keep_alive=version != "1.0" and parser.should_keep_alive(),
        )
        if exchange.keep_alive and not expects_continue and self._whole is not None:
            exchange.news = news(self._whole, line, headers)
        self._whole = None
        self._begin(exchange)

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
        exchange.wake()

    def on_message_complete(self) -> None:
        """The request is whole; its answer has no deadline here."""
        if self._declined is not None:
            return
        self._unframed_bytes = 0
        exchange = self.cycle
        if exchange.response_complete:
            self._rest()
            return
        self.reading, self.deadline = NOTHING, NEVER
        exchange.more_body = False
        exchange.wake()

    def _decline(self, method: bytes, version: str) -> None:
        if method == b"CONNECT":
            raise bad_request("CONNECT is not done here")
        self._declined = without_upgrade(method, self.url, version, self.headers)

    def _check_size(self) -> None:
        if len(self.headers) > self.limits.fields_max:
            raise HeadersTooLarge
        # A feed that begins with the head bounds it, unless its body is among the bytes; of one
        # that comes behind another request, or in pieces, what was fed before is not known.
        if self._whole is None or self._unframed_bytes > self.limits.head_bytes_max:
            fields = sum(len(name) + len(value) + 4 for name, value in self.headers)
            if len(self.url) + fields > self.limits.head_bytes_max:
                raise HeadersTooLarge

    def _exchange(self, scope: HTTPScope, *, expects_continue: bool, keep_alive: bool) -> Exchange:
        return Exchange(
            scope,
            self.transport,
            self.flow,
            self.logger,
            self.on_response_complete,
            expects_continue=expects_continue,
            keep_alive=keep_alive and not self.status.draining,
            unread_bytes_max=self.limits.unread_bytes_max,
        )

    def _scope(self, version: str, line: Line, headers: list[Field]) -> HTTPScope:
        return {
            "type": "http",
            "asgi": {"version": self.asgi_version, "spec_version": "2.3"},
            "http_version": version,
            "server": self.server,
            "client": self.client,
            "scheme": self.scheme or "http",
            "method": line.method,
            "root_path": "",
            "path": line.path,
            "raw_path": line.raw_path,
            "query_string": line.query,
            "headers": headers,
            "state": self.app_state.copy(),
            TARGET: line.target,  # type: ignore[misc]  # beside what ASGI names
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
        exchange.start(app, self.loop, self.tasks)

    def on_response_complete(self) -> None:
        """The answer is with the transport: on to the next call, a refusal, or rest."""
        answered, self.answering = self.answering, None
        if answered is not None and answered.news is not None and answered.status < REFUSED_FROM:
            self.known.keep(answered.news)
        if self.transport.is_closing() or answered is None:
            return
        if self.flow.read_paused:
            self.flow.resume_reading()
        if not answered.keep_alive:
            self._leave()
        elif self.pipeline:
            exchange, app = self.pipeline.pop()
            self._start(exchange, app)  # type: ignore[arg-type]  # only Exchanges are queued
        elif self._refusal is not None:
            self._say_last(self._refusal)
        elif self.reading is NOTHING:
            self._rest()
        elif self.reading is BODY:
            self.deadline = self.loop.time() + self.limits.linger_s

    def _rest(self) -> None:
        """Wait for the next request, or leave when the server does."""
        if self.status.draining:
            self._leave()
        else:
            self._wait(NOTHING, self.limits.idle_s)


def _reason(error: httptools.HttpParserCallbackError) -> Refusal:
    """What one of our callbacks objected to; anything but a refusal is a fault of ours."""
    if isinstance(error.__context__, Refusal):
        return error.__context__
    raise error
