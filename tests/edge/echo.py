"""A tiny ASGI app behind the real edge: it answers with what it was handed.

Run as a program it serves on a free port with the limits given as JSON, and prints its URL.
"""

import asyncio
import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote_to_bytes

from proxy.edge import EdgeLimits, ServerStatus
from proxy.server import serve


@dataclass(frozen=True)
class EchoSettings:
    workers: int = 1
    host: str = "127.0.0.1"
    port: int = 0


def create_echo(settings: EchoSettings, status: ServerStatus) -> Any:
    Path(os.environ.get("ECHO_NEEDS", "/")).stat()  # what is not there ends the worker
    hangups: list[int] = []
    refused: list[tuple[str, bool]] = []
    status.on_sighup.append(lambda: hangups.append(1))
    status.on_refused.append(lambda refusal, begun: refused.append((refusal.type, begun)))
    signals = {"/go": asyncio.Semaphore(0), "/flooded": asyncio.Semaphore(0)}

    async def echo(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await live(receive, send)
        elif scope["path"] == "/unread":
            await answer(send, 401, {"unread": True})
        elif scope["path"] == "/flood":
            await flood(scope, send)
            signals["/flooded"].release()
        elif scope["path"] == "/wait":
            await signals[f"/{scope['query_string'].decode()}"].acquire()
            await answer(send, 200, {"waited": True})
        elif scope["path"] in signals:
            signals[scope["path"]].release()
            await answer(send, 200, {})
        elif scope["path"] == "/header":
            value = unquote_to_bytes(scope["query_string"])
            headers = [(b"X-A", value), (b"content-length", b"0")]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await send({"type": "http.response.body"})
        elif scope["path"] in ("/raise", "/silent", "/half"):
            await fail(scope["path"], send)
        elif scope["path"] == "/status":
            known = scope["state"]["server"] is status
            now = {"pid": os.getpid(), "hangups": len(hangups), "known": known,
                   "refused": refused}  # fmt: skip
            await answer(send, 503 if status.draining else 200, now)
        else:
            await reflect(scope, receive, send)

    return echo


async def fail(way: str, send: Any) -> None:
    """Fail as asked: with an error, without an answer, or in the middle of one."""
    if way == "/raise":
        raise RuntimeError("as asked")
    if way == "/half":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"ha", "more_body": True})


async def live(receive: Any, send: Any) -> None:
    for step in ("startup", "shutdown"):
        await receive()
        await send({"type": f"lifespan.{step}.complete"})


async def reflect(scope: Any, receive: Any, send: Any) -> None:
    body, more = b"", True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        body += message["body"]
        more = message["more_body"]
    document = {
        "method": scope["method"],
        "raw_path": scope["raw_path"].decode("latin1"),
        "query": scope["query_string"].decode("latin1"),
        "headers": [[k.decode("latin1"), v.decode("latin1")] for k, v in scope["headers"]],
        "body": body[:100].decode("latin1"),
        "length": len(body),
    }
    await answer(send, 200, document)


async def answer(send: Any, status: int, document: Any) -> None:
    body = json.dumps(document).encode()
    headers = [(b"X-Echo-Case", b"Kept"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def flood(scope: Any, send: Any) -> None:
    """Send more than any buffer holds, without saying how much."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    for _ in range(int(scope["query_string"] or b"400")):
        message = {"type": "http.response.body", "body": b"x" * 65536, "more_body": True}
        await send(message)
    await send({"type": "http.response.body", "body": b"end"})


if __name__ == "__main__":
    workers, limits = int(sys.argv[1]), EdgeLimits(**json.loads(sys.argv[2]))
    sys.exit(serve(EchoSettings(workers), "tests.edge.echo:create_echo", limits=limits))
