"""Every view in light, dark and narrow: axe finds nothing serious, and nothing is broken."""

import pytest
from playwright.async_api import Browser

from tests.page.browsing import SHAPES, Shape, Watched, window
from tests.page.house import TOKEN, House

pytestmark = pytest.mark.asyncio(loop_scope="module")

VIEWS = {
    "login": "/login",
    "today": "/",
    "charges": "/charges",
    "charge": "/charges/{uncertain}",
    "uncertain": "/uncertain",
    "spend": "/spend?by=model",
    "months": "/spend?by=month",
    "keys": "/keys",
    "key": "/keys/web-shop",
    "key-new": "/keys/new",
    "key-adopt": "/keys/new?adopt=1",
    "teams": "/teams",
    "prices": "/prices?q=gemini",
    "health": "/health",
    "problem": "/keys/none",
}


async def look(watched: Watched, house: House, name: str) -> None:
    """Open a view, logged in where it needs that."""
    if name == "my":
        await watched.log_in(house.secrets["newsletter"])
    elif name != "login":
        await watched.log_in(TOKEN)
    if name != "my":
        await watched.open(VIEWS[name].format(uncertain=house.uncertain[0]))
    await watched.page.evaluate("document.fonts.ready")


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", [*VIEWS, "my"])
async def test_axe_finds_nothing_serious(
    browser: Browser, house: House, name: str, shape: Shape
) -> None:
    async with window(browser, house.url, shape) as watched:
        watched.expected = ("404",) if name == "problem" else ()
        await look(watched, house, name)
        assert not await watched.accessibility()
