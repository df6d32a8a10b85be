"""The map of `/admin`: every operation, the document of them, and the pages made from it.

A module of operations has a class that is made with the context and lists its `Endpoint`s;
it is put on the map by adding the class to `PARTS`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Route

from proxy.admin.books import Books
from proxy.admin.charges import Charges
from proxy.admin.context import AdminContext
from proxy.admin.document import document, written
from proxy.admin.endpoint import JSON_TYPE, Endpoint
from proxy.admin.finance import Finance
from proxy.admin.keys import Keys
from proxy.admin.pages import pages
from proxy.admin.prices import PriceOperations
from proxy.admin.teams import Teams


class Part(Protocol):
    """A module of operations."""

    def endpoints(self) -> Sequence[Endpoint]:
        """List them."""


PARTS: Final[tuple[Callable[[AdminContext], Part], ...]] = (
    Keys,
    Teams,
    Charges,
    PriceOperations,
    Books,
    Finance,
)


@dataclass(frozen=True, slots=True)
class Documents:
    """Serves the OpenAPI document and its page, to the token or to who is signed in on the page."""

    context: AdminContext
    endpoints: Sequence[Endpoint]

    def routes(self) -> list[BaseRoute]:
        """Put them on the map."""
        return [
            Route("/admin/openapi.json", self.openapi, methods=["GET"]),
            Route("/admin/docs", self.docs, methods=["GET"]),
        ]

    async def openapi(self, request: Request) -> Response:
        """Serve the document."""
        self._check(request)
        return Response(written(document(self.endpoints)), media_type=JSON_TYPE)

    async def docs(self, request: Request) -> Response:
        """Serve the document as a page for people; nothing on it comes from elsewhere."""
        self._check(request)
        policy = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"
        return HTMLResponse(
            pages(document(self.endpoints)), headers={"content-security-policy": policy}
        )

    def _check(self, request: Request) -> None:
        if not self.context.signed_in(request):
            self.context.guard.check(request)


def admin_endpoints(context: AdminContext) -> list[Endpoint]:
    """List every operation of every part."""
    return [endpoint for part in PARTS for endpoint in part(context).endpoints()]


def admin_routes(context: AdminContext) -> list[BaseRoute]:
    """Draw the map; refusals are raised, for the app's one handler."""
    endpoints = admin_endpoints(context)
    places = [endpoint.route(context.guard) for endpoint in endpoints]
    for place in places:
        place.neighbours = places
    return [*places, *Documents(context, endpoints).routes()]
