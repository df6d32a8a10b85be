"""The map of the page."""

from collections.abc import MutableMapping
from typing import Any

from starlette.routing import BaseRoute, Mount
from starlette.staticfiles import StaticFiles
from starlette.types import Receive, Scope, Send

from proxy.page.desk import Desk
from proxy.page.gate import HEADERS, Gate
from proxy.page.render import STATIC
from proxy.page.views import advice, charges, health, keys, login, mine, prices, spend, teams, today

MODULES = (login, today, charges, keys, teams, prices, spend, advice, health, mine)
FILES_KEPT = "public, max-age=86400"  # their addresses change with what is in them


def page_routes(desk: Desk) -> list[BaseRoute]:
    """List the routes of the page and of its files."""
    gate = Gate(desk)
    routes: list[BaseRoute] = [gate.route(view) for module in MODULES for view in module.VIEWS]
    return [*routes, Mount("/static", _Files(directory=STATIC))]


class _Files(StaticFiles):
    """Static files, with the page's headers."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def protected(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                added = {**HEADERS, "cache-control": FILES_KEPT}
                message["headers"] += [(n.encode(), v.encode()) for n, v in added.items()]
            await send(message)

        await super().__call__(scope, receive, protected)
