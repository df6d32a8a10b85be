"""Pass-throughs that know nothing of money: what the relay itself costs at the least."""

import os
from functools import lru_cache
from typing import Any

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from proxy.headers import forwarded, returned
from proxy.upstream import Upstream

ORIGIN = f"http://127.0.0.1:{os.environ.get('BENCH_UPSTREAM', '9000')}"
DROPPED = {"host", "content-length", "connection", "transfer-encoding"}


@lru_cache  # once, in the running loop: making one costs more than a hundred calls
def _httpx() -> httpx.AsyncClient:
    limits = httpx.Limits(max_connections=None)
    return httpx.AsyncClient(base_url=ORIGIN, timeout=60, limits=limits, trust_env=False)


@lru_cache
def _ours() -> Upstream:
    return Upstream(ORIGIN, timeout_s=60)


async def _by_httpx(request: Request) -> Response:
    client = _httpx()
    headers = [(k, v) for k, v in request.headers.items() if k not in DROPPED]
    answer = await client.request(
        request.method, request.url.path, headers=headers, content=await request.body()
    )
    kept = {k: v for k, v in answer.headers.items() if k not in DROPPED}
    return Response(answer.content, answer.status_code, kept)


over_httpx = Starlette(routes=[Route("/{path:path}", _by_httpx, methods=["GET", "POST"])])


async def over_ours(scope: Any, receive: Any, send: Any) -> None:
    """Pass a call through, as plain ASGI over the client that Farebox uses."""
    if scope["type"] == "lifespan":
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})
        return
    client = _ours()
    body = (await receive()).get("body", b"")
    method, headers = scope["method"].encode(), forwarded(scope["headers"], drop_key=False)
    answer = await client.send(
        method, scope["raw_path"], headers, body, pool="bench", submit=method == b"POST"
    )
    whole = await answer.read(1 << 20) or b""
    headers = returned(answer.headers)
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": whole})
