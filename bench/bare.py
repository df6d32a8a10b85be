"""A pass-through over our own client that knows nothing of money: what the relay costs at least."""

import os
from functools import lru_cache
from typing import Any

from proxy.headers import forwarded, returned
from proxy.upstream import Upstream

ORIGIN = f"http://127.0.0.1:{os.environ.get('BENCH_UPSTREAM', '9000')}"


@lru_cache  # once, in the running loop
def _ours() -> Upstream:
    return Upstream(ORIGIN, timeout_s=60)


async def app(scope: Any, receive: Any, send: Any) -> None:
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
