"""Farebox with a window: the real program, whose worker also tells what it holds.

`python -m tests.hardening.counted --port 0` serves as `farebox serve` does; `GET /-/held` answers
with its tasks, its connections to the upstream, its descriptors and its memory. COUNTED_LIMITS
holds limits of the edge, as JSON, where those of every day would take too long.
"""

import asyncio
import gc
import json
import os
import resource
import sys
import tracemalloc
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from starlette.types import Receive, Scope, Send

from proxy.app import Farebox as App
from proxy.cli.serve import welcome
from proxy.edge import EdgeLimits, ServerStatus
from proxy.ledger.schema import migrate
from proxy.server import serve
from proxy.settings import Settings, admin_token, load_settings
from tests.relay.house import START_S, Farebox

PAGE = resource.getpagesize()


class Counted:
    """The app, with one more route."""

    def __init__(self, settings: Settings, status: ServerStatus) -> None:
        self.app = App(settings, status)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] != "/-/held":
            await self.app(scope, receive, send)
            return
        body = json.dumps(self.held()).encode()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": body})

    def held(self) -> dict[str, int]:
        gc.collect()
        relay = self.app.relay
        assert relay is not None
        return {
            "tasks": len(asyncio.all_tasks()),
            "upstream": relay.crossing.upstream.pool.connections,
            "in_flight": relay.in_flight,
            "body_bytes": relay.held.bytes,
            "descriptors": sum(1 for _ in Path("/proc/self/fd").iterdir()),
            "strangers": len(relay.strangers.locks),
            "heap": tracemalloc.get_traced_memory()[0],  # 0 without PYTHONTRACEMALLOC
            "memory": int(Path("/proc/self/statm").read_text().split()[1]) * PAGE,
        }


class CountedFarebox(Farebox):
    """An installation whose worker can be asked what it holds."""

    program = "tests.hardening.counted"

    def start(self, *_: str, environ: Mapping[str, str] | None = None) -> "CountedFarebox":
        import subprocess  # noqa: PLC0415 - the child does not start any

        migrate(self.settings["database_url"])
        said = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("a") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", self.program, str(self.port)],
                cwd=self.home,
                env=self.environment() | dict(environ or {}),
                stdout=log,
                stderr=log,
            )
        self.until(lambda: self._listens(said), within_s=START_S)
        return self

    def held(self) -> dict[str, int]:
        found: dict[str, int] = self.client.get(f"{self.url}/-/held").json()
        return found


def main() -> int:
    """Serve with the window."""
    settings = replace(load_settings(os.environ, None), port=int(sys.argv[1]))
    told = replace(settings, admin_token=admin_token(settings))

    def announce(url: str) -> None:
        sys.stdout.write(welcome(url, settings.upstream_url, "") + "\n")
        sys.stdout.flush()

    limits = EdgeLimits(**json.loads(os.environ.get("COUNTED_LIMITS", "{}")))
    return serve(told, "tests.hardening.counted:Counted", limits=limits, announce=announce)


if __name__ == "__main__":
    sys.exit(main())
