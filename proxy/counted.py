"""Counts what the relay does not: calls of Farebox itself, and what never became a call."""

import time
from dataclasses import dataclass
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from proxy.errors import Refusal
from proxy.metrics import Metrics

_BUDGET: Final = frozenset({"/budget", "/quote"})
_BY_THE_CLOCK: Final = frozenset({"/metrics", "/healthz", "/readyz"})


def label_of(path: str) -> str | None:
    """Name the `route` of a path of our own; None for scrapes and probes.

    Those come by the clock, whoever calls or not, and would drown the page's figures.
    """
    if path in _BY_THE_CLOCK:
        return None
    if path in _BUDGET:
        return "budget"
    return "admin" if path == "/admin" or path.startswith("/admin/") else "page"


@dataclass(frozen=True, slots=True)
class Counted:
    """An app whose calls are counted by route and status."""

    app: ASGIApp
    metrics: Metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a call on; one that ends without an answer counts as a 500."""
        label = label_of(scope["path"]) if scope["type"] == "http" else None
        if label is None:
            await self.app(scope, receive, send)
            return
        seen = _Seen(send)
        started = time.perf_counter()
        in_flight = self.metrics.in_flight(label)
        in_flight.inc()
        try:
            await self.app(scope, receive, seen)
        finally:
            in_flight.dec()
            self.metrics.requests(label, str(seen.status)).inc()
            self.metrics.seconds(label).observe(time.perf_counter() - started)


@dataclass(frozen=True, slots=True)
class TurnedAway:
    """Counts what the edge refuses; whose it was and where it would have gone nobody can tell."""

    metrics: Metrics

    def __call__(self, refusal: Refusal, begun: bool) -> None:  # noqa: FBT001 - as the edge calls it
        """Count a refusal; a call that had `begun` is counted as one where it ends."""
        self.metrics.refusals("", "other", refusal.type).inc()
        if not begun:
            self.metrics.requests("relay", str(refusal.code)).inc()


@dataclass(slots=True)
class _Seen:
    """A `send` that remembers the status."""

    send: Send
    status: int = 500

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
        await self.send(message)
