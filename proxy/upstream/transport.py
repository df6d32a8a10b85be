"""The same engine under httpx.AsyncClient, for tools and tests; the relay calls `Upstream`.

Errors go one way: httpx.ConnectError and ConnectTimeout only where no byte of the request left.
"""

import ssl
from collections.abc import AsyncIterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import httpx

from proxy.upstream.answer import Answer
from proxy.upstream.client import Upstream
from proxy.upstream.errors import Broken, ConnectTimedOut, NotSent, TimedOut
from proxy.upstream.pool import REST_S

if TYPE_CHECKING:
    from collections.abc import Iterator

_POLLS = frozenset({"GET", "HEAD", "OPTIONS"})


class FareboxTransport(httpx.AsyncBaseTransport):
    """Sends httpx requests to any origin through one `Upstream` each.

    httpx's read timeout is taken for the whole call, its connect timeout is `connect_timeout_s`.
    """

    def __init__(
        self,
        *,
        timeout_s: float = 60,
        connect_timeout_s: float = 10,
        ssl_context: ssl.SSLContext | None = None,
        rest_s: float = REST_S,
    ) -> None:
        self._timeout_s = timeout_s
        self._connect_timeout_s = connect_timeout_s
        self._ssl = ssl_context
        self._rest_s = rest_s
        self._upstreams: dict[str, Upstream] = {}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request, its body read whole first."""
        body = await request.aread()
        with _as_httpx(request):
            answer = await self._upstream(request.url).send(
                request.method.encode("ascii"),
                request.url.raw_path,
                request.headers.raw,
                body,
                pool="httpx",
                submit=request.method not in _POLLS,
                timeout_s=request.extensions.get("timeout", {}).get("read"),
            )
        return httpx.Response(
            answer.status,
            headers=answer.headers,
            stream=_Stream(answer, request),
            extensions={"http_version": b"HTTP/1.1"},
        )

    async def aclose(self) -> None:
        """Break every connection."""
        for upstream in self._upstreams.values():
            await upstream.aclose()

    def _upstream(self, url: httpx.URL) -> Upstream:
        origin = f"{url.scheme}://{url.netloc.decode('ascii')}"
        if origin not in self._upstreams:
            self._upstreams[origin] = Upstream(
                origin,
                timeout_s=self._timeout_s,
                connect_timeout_s=self._connect_timeout_s,
                ssl_context=self._ssl,
                rest_s=self._rest_s,
            )
        return self._upstreams[origin]


class _Stream(httpx.AsyncByteStream):
    def __init__(self, answer: Answer, request: httpx.Request) -> None:
        self._answer = answer
        self._request = request

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with _as_httpx(self._request):
            async for piece in self._answer.chunks():
                yield piece

    async def aclose(self) -> None:
        self._answer.close()


@contextmanager
def _as_httpx(request: httpx.Request) -> "Iterator[None]":
    try:
        yield
    except ConnectTimedOut as error:
        raise httpx.ConnectTimeout(str(error), request=request) from error
    except NotSent as error:
        raise httpx.ConnectError(str(error), request=request) from error
    except TimedOut as error:
        raise httpx.ReadTimeout(str(error), request=request) from error
    except Broken as error:
        raise httpx.RemoteProtocolError(str(error), request=request) from error
