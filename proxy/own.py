"""The routes of our own: budget, quote, metrics and health."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from pricing import usd
from proxy.assay import Assay
from proxy.budget import DAY, KEY, Standing
from proxy.clock import now_us
from proxy.door import Caller, Door, UnknownKey
from proxy.edge import ServerStatus
from proxy.edge.refusals import InternalError
from proxy.errors import (
    LedgerUnavailable,
    MethodNotAllowed,
    NotFound,
    Refusal,
    envelope,
)
from proxy.exposition import Dialect
from proxy.fares import Fares
from proxy.instants import local
from proxy.ledger.reader import revision, where_stands
from proxy.ledger.session import LedgerFault
from proxy.question import read_question
from proxy.received import received
from proxy.room import Room
from proxy.scrape import Scrape
from proxy.settings import Settings

AT_ONCE = 32 * 1024  # bytes of a page of metrics


@dataclass
class OwnRoutes:
    """Answers what is asked of Farebox itself."""

    settings: Settings
    admin_only: Callable[[Request], None]
    """Raises a refusal for whoever does not show the admin token."""
    status: ServerStatus
    door: Door
    fares: Fares
    assay: Assay
    scrape: Scrape
    room: Room
    admin: Sequence[BaseRoute] = ()

    def app(self) -> Starlette:
        """Draw the map."""
        app = Starlette(
            routes=[
                Route("/budget", self.budget, methods=["GET"]),
                Route("/quote", self.quote, methods=["POST"]),
                Route("/metrics", self.metrics, methods=["GET"]),
                Route("/healthz", self.healthz, methods=["GET"]),
                Route("/readyz", self.readyz, methods=["GET"]),
                *self.admin,
            ],
            exception_handlers={
                Refusal: _refused,
                HTTPException: _http,
                LedgerFault: _ledger,
                Exception: _broken,
            },
        )
        app.router.redirect_slashes = False  # it would lead to whatever Host a caller names
        return app

    async def _caller(self, request: Request) -> Caller:
        headers, fares = request.scope["headers"], self.fares
        try:
            return self.door.identify(headers, fares.writer.directory, now_us())
        except UnknownKey:
            await fares.newest.look()
            return self.door.identify(headers, fares.writer.directory, now_us())

    async def budget(self, request: Request) -> Response:
        """Say where every budget of the calling key stands."""
        caller = await self._caller(request)
        directory = self.fares.writer.directory
        found = await self.fares.reader.ask(where_stands(directory, caller.key))
        return JSONResponse(self._budget(caller, found))

    def _budget(self, caller: Caller, found: tuple[Standing, ...]) -> dict[str, Any]:
        key = caller.key
        mine = next(s for s in found if s.budget.scope == KEY and s.budget.window == DAY)
        return {
            "key": key.name,
            "team": key.team or None,
            **_figures(mine, shown=True),
            "mode": "shadow" if key.shadow else "enforce",
            "budgets": [self._told(s) for s in found if s.limit_micros is not None],
        }

    def _told(self, standing: Standing) -> dict[str, Any]:
        budget = standing.budget
        shown = budget.scope == KEY or self.settings.show_shared
        head = {"scope": budget.scope, "name": budget.name, "window": budget.window}
        return {**head, **_figures(standing, shown=shown)}

    async def quote(self, request: Request) -> Response:
        """Say what a submit would cost; spends nothing."""
        caller, most = await self._caller(request), self.settings.max_body
        with self.room.holding(most, known=not caller.unseen) as mine:
            routed, body = read_question(await received(request, most, mine))
            with self.room.place():
                content, headers = await self.assay(caller, routed, body)
        response = JSONResponse(content)
        response.raw_headers += headers
        return response

    async def metrics(self, request: Request) -> Response:
        """Show the figures to Prometheus."""
        if self.settings.metrics_auth:
            self.admin_only(request)
        accept = request.headers.get("accept", "")
        encodings = ",".join(request.headers.getlist("accept-encoding"))
        dialect = Dialect.accepted(accept, encodings)
        pieces = await self.scrape(dialect)
        headers = dialect.headers | {"content-length": str(sum(map(len, pieces)))}
        return StreamingResponse(_some_at_a_time(pieces), headers=headers)

    async def healthz(self, _request: Request) -> Response:
        """Say that the process is up."""
        return JSONResponse({"status": "ok"})

    async def readyz(self, _request: Request) -> Response:
        """Say whether submits can be taken, and if not, why."""
        why = ["draining"] if self.status.draining else []
        why += filter(None, [await self.fares.writable.why_not()])
        try:
            await self.fares.reader.ask(revision)
        except LedgerFault as fault:
            why.append(f"the ledger cannot be read: {fault}")
        return JSONResponse(
            {"status": "not ready" if why else "ready", "why": why}, 503 if why else 200
        )


async def _some_at_a_time(pieces: list[bytes]) -> AsyncIterator[bytes]:
    """Send a page of megabytes, and let go of it, so that other calls come in between."""
    pieces.reverse()
    while pieces:
        some = [pieces.pop()]
        size = len(some[0])
        while pieces and size < AT_ONCE:
            some.append(pieces.pop())
            size += len(some[-1])
        yield b"".join(some)
        await asyncio.sleep(0)


def _figures(standing: Standing, *, shown: bool) -> dict[str, Any]:
    remaining = standing.remaining_micros
    told = {
        "day": standing.period,
        "timezone": standing.timezone,
        "limit_usd": None if standing.limit_micros is None else usd(standing.limit_micros),
        "spent_usd": usd(standing.settled_micros),
        "reserved_usd": usd(standing.reserved_micros),
        "remaining_usd": None if remaining is None else usd(remaining),
        "resets_at": local(standing.resets_us, standing.timezone).isoformat(),
    }
    if not shown:
        for name in ("limit_usd", "spent_usd", "reserved_usd"):
            del told[name]
    return told


def refused(refusal: Refusal) -> Response:
    """Answer with a refusal of ours."""
    response = Response(envelope(refusal), refusal.status("path"), media_type="application/json")
    response.raw_headers += refusal.headers
    return response


async def _refused(_request: Request, error: Exception) -> Response:
    assert isinstance(error, Refusal)  # noqa: S101 - registered for it
    return refused(error)


async def _ledger(_request: Request, _error: Exception) -> Response:
    return refused(LedgerUnavailable())


async def _broken(_request: Request, _error: Exception) -> Response:
    """Answer where we failed; the server logs why, and gives the connection up."""
    response = refused(InternalError())
    response.headers["connection"] = "close"
    return response


async def _http(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for it
    if error.status_code == 405:  # noqa: PLR2004
        allowed = (error.headers or {}).get("Allow", "").split(", ")
        return refused(MethodNotAllowed(sorted(filter(None, allowed))))
    return refused(NotFound())
