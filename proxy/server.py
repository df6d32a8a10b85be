"""Serving: the socket, the signals, and an end that loses nothing.

One worker runs in this process. With several, this process only owns the listening socket
and watches over them (`proxy.edge.workers`).
"""

import contextlib
import ctypes
import functools
import resource
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

APP: Final = "proxy.app:create_app"
BACKLOG: Final = 4096
PR_SET_DUMPABLE: Final = 4

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
        listener = listen(settings.host, settings.port)
    except OSError as error:
        sys.stderr.write(f"Cannot listen on {settings.host}:{settings.port}: {error}\n")
        return FAILED
    job = Job(settings, factory, limits or EdgeLimits())
    tell = functools.partial(announce or _print_ready, base_url(listener))
    if settings.workers > 1:
        return Supervisor(job, listener, settings.workers).run(tell)
    return job.work(listener, ready=tell)


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


def keep_memory_private() -> None:
    """Leave no core dump, and let no other process of this user read our memory: keys are in it."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with contextlib.suppress(OSError, AttributeError):  # Linux only
        ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)


def listen(host: str, port: int) -> socket.socket:
    """Open the listening socket; raises OSError where it cannot be had."""
    family, *_, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    both = host == "::" and socket.has_dualstack_ipv6()
    return socket.create_server(address[:2], family=family, backlog=BACKLOG, dualstack_ipv6=both)


def base_url(listener: socket.socket) -> str:
    """Return the URL a client on this machine would use."""
    host, port = listener.getsockname()[:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


def _print_ready(url: str) -> None:
    sys.stdout.write(f"Farebox is ready on {url}\n")
    sys.stdout.flush()
