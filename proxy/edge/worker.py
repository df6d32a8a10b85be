"""One worker: uvicorn on uvloop with our protocol, our deadlines and our way to stop."""

import asyncio
import contextlib
import functools
import gc
import signal
import socket
from collections.abc import Callable, Iterator
from dataclasses import replace
from multiprocessing.connection import Connection as Line
from types import FrameType
from typing import Any, Final

import uvicorn

from proxy.edge.connection import sweep
from proxy.edge.known import KnownHeads
from proxy.edge.limits import EdgeLimits, connections_cap
from proxy.edge.protocol import EdgeProtocol
from proxy.edge.status import ServerStatus
from proxy.edge.workers import unblock_signals
from proxy.gathered import Outbox

App = Callable[..., Any]
"""An ASGI application."""

FAILED: Final = 1
"""Exit code: the app did not start or gave up, or a second signal cut calls off."""


def run_worker(
    app: App,
    listener: socket.socket,
    limits: EdgeLimits,
    status: ServerStatus,
    *,
    ready: Callable[[], None],
    line: Line | None = None,
) -> int:
    """Serve until told to stop, or until the line breaks; returns the exit code."""
    most = min(limits.connections_max, connections_cap())
    limits = replace(limits, connections_max=most)
    server = Worker(config(app, limits, status), limits, status, ready, line)
    try:
        server.run([listener])
    except SystemExit:
        return FAILED  # uvicorn says so when the app's start-up failed
    return int(server.force_exit or status.failed)


def spare_the_collector() -> None:
    """Leave what was made at the start, and stays, out of the garbage collector's rounds.

    Calls leave next to no cycles behind: a round every 700 objects was a twentieth of a call, and
    a whole one, which a scrape set off, held every call up for 60 ms.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 10, 10)


def config(app: App, limits: EdgeLimits, status: ServerStatus) -> uvicorn.Config:
    """Return uvicorn's settings: fast, silent, and adding nothing to what the app sends."""
    protocol = functools.partial(
        EdgeProtocol, limits=limits, status=status, outbox=Outbox(), known=KnownHeads()
    )
    return uvicorn.Config(
        app,
        loop="uvloop",
        http=protocol,  # type: ignore[arg-type]  # called like the class
        ws="none",
        lifespan="on",
        interface="asgi3",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        date_header=False,
        backlog=4096,
    )


class Worker(uvicorn.Server):
    """uvicorn's server, told about deadlines, draining and SIGHUP."""

    def __init__(
        self,
        config: uvicorn.Config,
        limits: EdgeLimits,
        status: ServerStatus,
        ready: Callable[[], None],
        line: Line | None,
    ) -> None:
        super().__init__(config)
        self.limits = limits
        self.status = status
        self.ready = ready
        self.line = line

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        """Serve from the app's start-up to its shutdown."""
        self.loop = asyncio.get_running_loop()
        sweeping = self.loop.create_task(self._sweep())
        try:
            await super().serve(sockets)
        finally:
            sweeping.cancel()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start the app, then listen, then say so."""
        self.lifespan.state["server"] = self.status
        await super().startup(sockets)
        spare_the_collector()
        if self.line is not None:
            self.loop.add_reader(self.line.fileno(), self._orphaned)
        self.ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Accept nothing new, and end when the last call has."""
        self.status.drain()
        if self.line is not None:
            self.loop.remove_reader(self.line.fileno())
        await super().shutdown(sockets)

    async def _sweep(self) -> None:
        before_s = self.loop.time()
        while True:
            await asyncio.sleep(self.limits.sweep_s)
            now_s = self.loop.time()
            sweep(self.server_state.connections, now_s, now_s - before_s)  # type: ignore[arg-type]  # all are ours
            before_s = now_s

    def _orphaned(self) -> None:
        """The supervisor is gone: nobody could stop us any more, so stop."""
        self.handle_exit(signal.SIGTERM, None)
        self.loop.remove_reader(self.line.fileno())  # type: ignore[union-attr]  # it was read

    # Signals

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Take the signals over; unlike uvicorn, a signal obeyed is not raised again."""
        ours = {
            signal.SIGTERM: self.handle_exit,
            signal.SIGINT: self.handle_exit,
            signal.SIGHUP: self._handle_hangup,
        }
        before = {number: signal.signal(number, handler) for number, handler in ours.items()}
        unblock_signals()
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002
        """Drain; hurry the second time."""
        self.force_exit = self.should_exit
        self.should_exit = True
        self.loop.call_soon_threadsafe(self.status.drain)

    def _handle_hangup(self, _number: int, _frame: FrameType | None) -> None:
        self.loop.call_soon_threadsafe(self.status.reload)
