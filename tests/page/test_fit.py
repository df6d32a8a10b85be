"""Everything is in sight: on a phone, on a desk, on paper, with names as long as they may be."""

import re

import httpx
import pytest
from playwright.async_api import Browser, Page, expect

from tests.page.browsing import Shape, window
from tests.page.house import TOKEN, House, mark

pytestmark = pytest.mark.asyncio(loop_scope="module")

LONG_KEY, LONG_TEAM = f"key.{'K' * 60}", f"the-team-{'t' * 55}"
PAGES = (
    "/", "/charges", "/uncertain", "/keys", f"/keys/{LONG_KEY}", "/keys/new", "/teams",
    "/prices", "/spend?by=team&days=7", "/spend?by=key", "/spend?by=month", "/advice", "/health",
)  # fmt: skip
TOO_WIDE = """() => [document.documentElement, ...document.querySelectorAll(".scroll")]
    .filter((box) => box.scrollWidth > box.clientWidth)
    .map((box) => `${box.tagName} ${box.getAttribute("aria-label") || box.id}`)"""


@pytest.fixture(scope="module")
def secret(house: House) -> str:
    """Belongs to a key and a team with the longest names and limits; has called, once in vain."""
    with house.admin() as admin:
        form = {"csrf": mark(admin.get("/keys/new").text), "name": LONG_KEY, "team": LONG_TEAM,
                "daily_budget_usd": "123456.789012", "monthly_budget_usd": "999999"}  # fmt: skip
        made = admin.post("/keys/new", data=form)
    found = re.search(r'value="(sk-fb-[^"]+)"', made.text)
    assert found
    assert_is(house.call(found[1]), "accepted")
    assert_is(house.call(found[1], prompt="standin:400"), "released")
    return found[1]


def assert_is(answer: httpx.Response, state: str) -> None:
    assert answer.headers["x-farebox-charge-state"] == state


@pytest.mark.parametrize("shape", ["light", "narrow"])
async def test_nothing_is_wider_than_the_screen(
    browser: Browser, house: House, secret: str, shape: Shape
) -> None:
    wide = {}
    async with window(browser, house.url, shape) as watched:
        await watched.log_in(TOKEN)
        for path in PAGES:
            wide[path] = await too_wide(await watched.open(path))
        charge = (await watched.open("/charges")).locator(".charges tbody a").first
        await charge.click()
        wide["a charge"] = await too_wide(watched.page)
    async with window(browser, house.url, shape) as watched:
        await watched.log_in(secret)
        wide["/my"] = await too_wide(watched.page)
    assert not {path: boxes for path, boxes in wide.items() if boxes}


async def too_wide(page: Page) -> list[str]:
    """List the boxes that scroll sideways, with every drawer open."""
    drawers = "document.querySelectorAll('details').forEach((d) => { d.open = true; })"
    await page.evaluate(drawers)
    found: list[str] = await page.evaluate(TOO_WIDE)
    return found


PRESSED = "button, .button, nav a, summary.button"


@pytest.mark.parametrize("path", ["/", "/spend", "/keys/web-shop", "/teams", "/charges"])
async def test_paper_is_white_and_has_nothing_to_press(
    browser: Browser, house: House, path: str
) -> None:
    async with window(browser, house.url, "dark") as watched:
        await watched.log_in(TOKEN)
        page = await watched.open(path)
        await page.emulate_media(media="print")
        await expect(page.locator("body")).to_have_css("color", "rgb(27, 31, 35)")
        assert [e for e in await page.locator(PRESSED).all() if await e.is_visible()] == []
        await expect(page.locator("h1")).to_be_visible()
