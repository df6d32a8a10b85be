"""Slow calls in great number: the upstream that takes its time, and the callers that wait.

    python -m bench.slow upstream PORT SECONDS
    python -m bench.slow callers PORT COUNT RAMP_SECONDS KEY

Both are event loops over bare sockets: 5,000 calls cost them a tenth of what they cost a proxy.
The callers print how many were answered with 200, and the slowest of all, in seconds.
"""

import asyncio
import sys
import time
from typing import cast

import uvloop

from bench.load import BODY, SUBMIT
from bench.processes import raise_descriptor_limit

HEAD_END = b"\r\n\r\n"
ANSWER = b'{"id":"p-%d","status":"completed","data":[{"url":"http://127.0.0.1/p.png"}]}'
GIVE_UP_S = 120.0
BACKLOG = 16_384


class _Upstream(asyncio.Protocol):
    """Answers each request some seconds after its last byte."""

    count = 0
    seconds = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport, self._got = cast("asyncio.Transport", transport), b""

    def data_received(self, data: bytes) -> None:
        self._got += data
        head, end, body = self._got.partition(HEAD_END)
        length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0] or 0)
        if end and len(body) >= length:
            self._got = b""
            asyncio.get_running_loop().call_later(self.seconds, self._answer)

    def _answer(self) -> None:
        _Upstream.count += 1
        body = ANSWER % _Upstream.count
        head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
        self._transport.write(head % len(body) + body)


async def upstream(port: int, seconds: float) -> None:
    """Serve for ever."""
    _Upstream.seconds = seconds
    loop = asyncio.get_running_loop()
    server = await loop.create_server(_Upstream, "127.0.0.1", port, backlog=BACKLOG)
    await server.serve_forever()


class _Caller(asyncio.Protocol):
    """Makes one call on a connection of its own."""

    def __init__(self, request: bytes) -> None:
        self.answered = asyncio.get_running_loop().create_future()
        self._request, self._got = request, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        self._got += data
        head, end, body = self._got.partition(HEAD_END)
        length = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
        if end and len(body) >= int(length or 0) and not self.answered.done():
            self.answered.set_result(head.startswith(b"HTTP/1.1 200"))

    def connection_lost(self, _: Exception | None) -> None:
        if not self.answered.done():
            self.answered.set_result(False)


async def _call(port: int, request: bytes, after_s: float) -> tuple[bool, float]:
    await asyncio.sleep(after_s)
    began = time.perf_counter()
    loop = asyncio.get_running_loop()
    try:
        transport, caller = await loop.create_connection(
            lambda: _Caller(request), "127.0.0.1", port
        )
        good = await asyncio.wait_for(caller.answered, GIVE_UP_S)
        transport.close()
    except OSError:
        good = False
    return good, time.perf_counter() - began


async def callers(port: int, count: int, ramp_s: float, key: str) -> None:
    """Begin that many calls within a time, and wait for every answer."""
    body = BODY.encode()
    head = f"POST {SUBMIT} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: {key}\r\n"
    head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    request = head.encode() + body
    calls = [_call(port, request, ramp_s * number / count) for number in range(count)]
    seen = await asyncio.gather(*calls)
    print(sum(good for good, _ in seen), max(took for _, took in seen))


def main() -> None:
    """Play one of the two parts."""
    raise_descriptor_limit()
    match sys.argv[1:]:
        case ["upstream", port, seconds]:
            uvloop.run(upstream(int(port), float(seconds)))
        case ["callers", port, count, ramp_s, key]:
            uvloop.run(callers(int(port), int(count), float(ramp_s), key))
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    main()
