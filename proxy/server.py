"""Serving: the socket, the signals, and an end that loses nothing.

One worker runs in this process. With several, this process only owns their listening sockets
and watches over them (`proxy.edge.workers`).
"""

import errno
import functools
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any, Final, Protocol

from uvicorn.importer import import_from_string

from proxy.edge import EdgeLimits, ServerStatus
from proxy.edge.worker import FAILED, App, run_worker
from proxy.edge.workers import Supervisor
from proxy.private_memory import keep_memory_private

APP: Final = "proxy.app:create_app"
BACKLOG: Final = 4096

AppFactory = Callable[[Any, ServerStatus], App]


class Bound(Protocol):
    """What serving needs of the settings; the app's factory gets them whole."""

    @property
    def host(self) -> str:
        """Address to listen on."""

    @property
    def port(self) -> int:
        """Port to listen on; 0 takes a free one."""

    @property
    def workers(self) -> int:
        """Processes that serve."""


def serve(
    settings: Bound,
    factory: AppFactory | str = APP,
    *,
    limits: EdgeLimits | None = None,
    announce: Callable[[str], None] | None = None,
) -> int:
    """Serve until SIGTERM or SIGINT; returns the exit code, 0 after all calls have ended.

    `factory(settings, status)` makes the ASGI app, in each worker; with several workers it
    must be picklable or "module:name". `announce` gets the base URL once the app is ready;
    by default it is printed.
    """
    try:
        listeners = listen(settings.host, settings.port, settings.workers)
    except OSError as error:
        where = f"{settings.host}:{settings.port}"
        sys.stderr.write(f"farebox: Cannot listen on {where}: {_why_not(error)}\n")
        return FAILED
    job = Job(settings, factory, limits or EdgeLimits())
    tell = functools.partial(announce or _print_ready, base_url(listeners[0]))
    if len(listeners) > 1:
        return Supervisor(job, listeners).run(tell)
    return job.work(listeners[0], ready=tell)


@dataclass(frozen=True, slots=True)
class Job:
    """What one worker does; travels to its process."""

    settings: Any
    factory: AppFactory | str
    limits: EdgeLimits

    def __call__(self, listener: socket.socket, line: Connection) -> int:
        """Work for a supervisor at the other end of the line."""
        return self.work(listener, ready=functools.partial(line.send, obj=True), line=line)

    def work(
        self, listener: socket.socket, *, ready: Callable[[], None], line: Connection | None = None
    ) -> int:
        """Serve until told to stop; returns the exit code."""
        keep_memory_private()
        status = ServerStatus()
        factory = import_from_string(self.factory)
        app = factory(self.settings, status)
        return run_worker(app, listener, self.limits, status, ready=ready, line=line)


def listen(host: str, port: int, workers: int = 1) -> list[socket.socket]:
    """Open a listening socket for each worker; raises OSError where one cannot be had.

    Several share the port, and the kernel shares out callers between them: from one socket the
    worker that wakes first takes nearly all (20 of 256 callers were left to the other).
    """
    family, *_, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    open_one = functools.partial(
        socket.create_server,
        family=family,
        backlog=BACKLOG,
        dualstack_ipv6=host == "::" and socket.has_dualstack_ipv6(),
    )
    alone = open_one(address[:2])  # fails if the port is another's, were it another Farebox's
    if workers == 1:
        return [alone]
    place = alone.getsockname()[:2]
    alone.close()
    return [open_one(place, reuse_port=True) for _ in range(workers)]


def _why_not(error: OSError) -> str:
    """Say why a socket was not had, and what to do about it where that is known."""
    if error.errno == errno.EADDRINUSE:
        return "the port is taken; choose another with --port or FAREBOX_PORT"
    return error.strerror or str(error)


def base_url(listener: socket.socket) -> str:
    """Return the URL a client on this machine would use."""
    host, port = listener.getsockname()[:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


def _print_ready(url: str) -> None:
    sys.stdout.write(f"Farebox is ready on {url}\n")
    sys.stdout.flush()
