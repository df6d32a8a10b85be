"""Every view in light, dark and narrow: axe finds nothing serious, and nothing is broken."""

import pytest
from playwright.async_api import Browser

from tests.page.browsing import SHAPES, Shape, Watched, window
from tests.page.house import TOKEN, House

pytestmark = pytest.mark.asyncio(loop_scope="module")

VIEWS = {
    "today": "/",
    "charges": "/charges",
    "charge": "/charges/{uncertain}",
    "uncertain": "/uncertain",
    "spend": "/spend?by=model",
    "months": "/spend?by=month",
    "advice": "/advice",
    "keys": "/keys",
    "key": "/keys/web-shop",
    "key-new": "/keys/new",
    "key-adopt": "/keys/new?adopt=1",
    "teams": "/teams",
    "prices": "/prices?q=gemini",
    "health": "/health",
    "problem": "/keys/none",
}


@pytest.mark.parametrize("shape", SHAPES)
async def test_axe_finds_nothing_serious(browser: Browser, house: House, shape: Shape) -> None:
    async with window(browser, house.url, shape) as watched:
        watched.expected = ("404",)
        found = {"login": await _looked(watched, "/login")}
        await watched.log_in(TOKEN)
        for name, path in VIEWS.items():
            found[name] = await _looked(watched, path.format(uncertain=house.uncertain[0]))
    async with window(browser, house.url, shape) as watched:
        await watched.log_in(house.secrets["newsletter"])
        found["my"] = await _looked(watched, "/my")
    assert not {name: wrong for name, wrong in found.items() if wrong}


async def _looked(watched: Watched, path: str) -> list[str]:
    page = await watched.open(path)
    await page.evaluate("document.fonts.ready")
    return await watched.accessibility()
