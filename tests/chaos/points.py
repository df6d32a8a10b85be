"""Named points of a charge's life at which a process kills itself, as `kill -9` would.

The product knows nothing of them: its own functions are wrapped before it serves.
"""

import functools
import os
import signal
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from proxy.fares import Fares
from proxy.ledger import rows
from proxy.ledger.operation import Operation
from proxy.ledger.outcomes import Accept, Decide
from proxy.ledger.session import Session
from proxy.ledger.store import Store
from proxy.ledger.view import View
from proxy.upstream import Upstream
from proxy.upstream.connection import Connection

POINTS = (
    "before reserve", "in reserve", "reserve committed", "after reserve", "connected", "sent",
    "answered", "before accept", "in accept", "after accept", "before settle", "in settle",
    "after settle",
)  # fmt: skip
_IN = {"reserve": "in reserve", "accept": "in accept", "settle": "in settle"}
_NOTED: dict[type[Any], str] = {Accept: "accept", Decide: "settle"}
Async = Callable[..., Coroutine[Any, Any, Any]]


@dataclass
class Fuse:
    """Burns down at the `hit`-th pass of one point."""

    point: str
    hit: int

    def at(self, name: str) -> None:
        if name != self.point:
            return
        self.hit -= 1
        if self.hit == 0:
            os.kill(os.getpid(), signal.SIGKILL)


def arm(fuse: Fuse) -> None:
    """Wrap the steps between reserve and settle."""
    Fares.reserve = _around(Fares.reserve, fuse, "reserve")  # type: ignore[method-assign]
    Fares.record = _noting(Fares.record, fuse)  # type: ignore[method-assign]
    Store.commit = _committing(Store.commit, fuse)  # type: ignore[method-assign]
    rows.save = _saving(rows.save, fuse)
    Connection.start = _starting(Connection.start, fuse)  # type: ignore[method-assign]
    Upstream.send = _sending(Upstream.send, fuse)  # type: ignore[method-assign]


def _around(step: Async, fuse: Fuse, name: str) -> Async:
    @functools.wraps(step)
    async def wrapped(*args: Any, **kwargs: Any) -> Any:
        fuse.at(f"before {name}")
        result = await step(*args, **kwargs)
        fuse.at(f"after {name}")
        return result

    return wrapped


def _noting(step: Async, fuse: Fuse) -> Async:
    named = {kind: _around(step, fuse, name) for kind, name in _NOTED.items()}

    async def wrapped(fares: Fares, operation: Operation) -> Any:
        return await named.get(type(operation), step)(fares, operation)

    return wrapped


def _committing(step: Callable[..., list[Any]], fuse: Fuse) -> Callable[..., list[Any]]:
    def wrapped(store: Store, operations: list[Operation]) -> list[Any]:
        results = step(store, operations)
        if not all(operation.loads for operation in operations):
            fuse.at("reserve committed")
        return results

    return wrapped


def _saving(step: Callable[..., None], fuse: Fuse) -> Callable[..., None]:
    def wrapped(session: Session, view: View) -> None:
        step(session, view)
        for kind in sorted({str(entry[2]) for entry in view.entries} & set(_IN)):
            fuse.at(_IN[kind])

    return wrapped


def _starting(step: Callable[..., Any], fuse: Fuse) -> Callable[..., Any]:
    def wrapped(connection: Connection, method: bytes, request: bytes, **how: Any) -> Any:
        if method == b"POST":
            fuse.at("connected")
        exchange = step(connection, method, request, **how)
        if method == b"POST":
            fuse.at("sent")
        return exchange

    return wrapped


def _sending(step: Async, fuse: Fuse) -> Async:
    async def wrapped(upstream: Upstream, method: bytes, *args: Any, **how: Any) -> Any:
        answer = await step(upstream, method, *args, **how)
        if method == b"POST":
            fuse.at("answered")
        return answer

    return wrapped
