"""A bare starlette+httpx pass-through, as a team writes it in an afternoon; nothing of ours."""

import os
from functools import lru_cache

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

ORIGIN = f"http://127.0.0.1:{os.environ.get('BENCH_UPSTREAM', '9000')}"
DROPPED = {"host", "content-length", "connection", "transfer-encoding"}


@lru_cache  # once, in the running loop: making one costs more than a hundred calls
def _httpx() -> httpx.AsyncClient:
    limits = httpx.Limits(max_connections=None)
    return httpx.AsyncClient(base_url=ORIGIN, timeout=60, limits=limits, trust_env=False)


async def _pass(request: Request) -> Response:
    client = _httpx()
    headers = [(k, v) for k, v in request.headers.items() if k not in DROPPED]
    answer = await client.request(
        request.method, request.url.path, headers=headers, content=await request.body()
    )
    kept = {k: v for k, v in answer.headers.items() if k not in DROPPED}
    return Response(answer.content, answer.status_code, kept)


app = Starlette(routes=[Route("/{path:path}", _pass, methods=["GET", "POST"])])
