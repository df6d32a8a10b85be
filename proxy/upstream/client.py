"""One HTTP/1.1 call for one call of ours: no retry, no redirect, no proxy, no decoding."""

import asyncio
import socket
import ssl
import time
from collections.abc import Callable, Sequence
from ipaddress import ip_address

from proxy.upstream.answer import Answer
from proxy.upstream.connection import Connection
from proxy.upstream.dial import first_of
from proxy.upstream.errors import ConnectTimedOut, NotSent
from proxy.upstream.exchange import Exchange
from proxy.upstream.origin import Origin
from proxy.upstream.pool import REST_S, Pool
from proxy.upstream.request import Header, write_fields, write_head

WRITTEN_AT_ONCE_MAX = 64 * 1024
AVOIDED_S = 600.0
"""How long an address that another one answered before is dialled last."""


class Upstream:
    """The client of one origin, with connections kept per calling key.

    Args:
        origin: `https://host[:port]`.
        timeout_s: from a request's first byte sent to its answer's last byte received.
        connect_timeout_s: name look-up, TCP and TLS together.
        ssl_context: verifies the server; the default is `ssl.create_default_context()`.
        clock: monotonic seconds, for the age of idle connections.
        rest_s: how long a connection has to have been quiet before a submit goes out on it.
    """

    def __init__(
        self,
        origin: str,
        *,
        timeout_s: float,
        connect_timeout_s: float = 10,
        ssl_context: ssl.SSLContext | None = None,
        clock: Callable[[], float] = time.monotonic,
        rest_s: float = REST_S,
    ) -> None:
        self.origin = Origin.parse(origin)
        self.pool = Pool(clock, rest_s=rest_s)
        self._timeout_s = timeout_s
        self._connect_timeout_s = connect_timeout_s
        self._ssl = (ssl_context or _verifying()) if self.origin.tls else None
        self._closed = False
        self._avoided: dict[str, float] = {}  # addresses that others answered before, until when

    def fields(self, headers: Sequence[Header]) -> bytes:
        """Write the headers of requests to this origin; Host is added unless it is among them.

        Raises:
            NotSent: a header would not survive the wire as given.
        """
        return write_fields(headers, host=self.origin.authority)

    async def send(
        self,
        method: bytes,
        target: bytes,
        headers: Sequence[Header] | bytes,
        body: bytes,
        *,
        pool: str,
        submit: bool,
        timeout_s: float | None = None,
    ) -> Answer:
        """Send one request and wait for the head of its answer.

        `headers` may be what `fields` made of them: for those that are sent again and again.

        Raises:
            NotSent: no byte of the request was handed to the socket.
            Broken, TimedOut: anything that went wrong from there on.
        """
        if self._closed:
            raise NotSent("the upstream client is closed")
        fields = headers if isinstance(headers, bytes) else self.fields(headers)
        head = write_head(method, target, fields, body_bytes=len(body))
        connection = self.pool.take(pool, submit=submit) or await self._connect(pool)
        whole = len(body) <= WRITTEN_AT_ONCE_MAX
        exchange = connection.start(
            method,
            head + body if whole else head,
            timeout_s=self._timeout_s if timeout_s is None else timeout_s,
            whole=whole,
        )
        if not whole:
            await _write(connection, exchange, body)
        return Answer(await exchange.begun(), exchange)

    async def aclose(self) -> None:
        """Break every connection, those in use too, and wait until their sockets are gone."""
        self._closed = True
        await self.pool.aclose()

    async def _connect(self, pool: str) -> Connection:
        try:
            async with asyncio.timeout(self._connect_timeout_s):
                connection = await self._dial(pool)
        except TimeoutError as error:
            raise ConnectTimedOut("no connection to the upstream in time") from error
        except (OSError, UnicodeError) as error:
            raise NotSent(f"no connection to the upstream: {error}") from error
        if self._closed:  # while we connected
            connection.drop()
            raise NotSent("the upstream client is closed")
        self.pool.opened(connection)
        return connection

    async def _dial(self, pool: str) -> Connection:
        """Connect to one of the origin's addresses: one that is silent must not cost every call."""
        loop = asyncio.get_running_loop()
        origin = self.origin

        async def dial(host: str) -> Connection:
            _, connection = await loop.create_connection(
                lambda: Connection(loop, self.pool, pool),
                host,
                origin.port,
                ssl=self._ssl,
                server_hostname=origin.host if self._ssl else None,
            )
            return connection

        if _is_address(origin.host):
            return await dial(origin.host)
        found = await loop.getaddrinfo(origin.host, origin.port, type=socket.SOCK_STREAM)
        now_s = loop.time()
        self._avoided = {host: at_s for host, at_s in self._avoided.items() if at_s > now_s}
        hosts = dict.fromkeys(str(address[0]) for *_, address in found)
        ordered = sorted(hosts, key=self._avoided.__contains__)  # else as the name has them
        host, connection = await first_of(ordered, dial, spare=Connection.drop)
        for passed in ordered[: ordered.index(host)]:
            self._avoided[passed] = loop.time() + AVOIDED_S
        return connection


async def _write(connection: Connection, exchange: Exchange, body: bytes) -> None:
    try:
        await connection.write_body(body)
    except BaseException:  # cancelled: half a request is nobody's
        exchange.drop()
        raise


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _verifying() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    return context
