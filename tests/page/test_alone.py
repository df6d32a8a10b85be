"""First and last moments: an empty ledger, and a Farebox that has gone away."""

import re
from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from tests.page.browsing import window
from tests.page.house import TOKEN, House, serving

EMPTY = {
    "/spend": "Nothing was settled",
    "/uncertain": "Nothing to decide",
    "/health": "No fare is open",
    "/charges": "No charges yet",
}
pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_an_empty_ledger_says_what_comes_first(browser: Browser, tmp_path: Path) -> None:
    with serving(tmp_path / "f.db") as house:
        async with window(browser, house.url) as watched:
            await watched.log_in(TOKEN)
            page = watched.page
            for words in ("No keys yet.", "No charges yet.", "No call was refused"):
                await expect(page.get_by_text(words)).to_be_visible()
            for path, words in EMPTY.items():
                await watched.open(path)
                await expect(page.get_by_text(words)).to_be_visible()
                assert not await watched.accessibility()
            await watched.open("/")
            await page.get_by_role("link", name="Create the first key").click()
            await expect(page.get_by_role("heading", name="New key")).to_be_visible()


async def test_figures_that_are_not_live_any_more_say_so(browser: Browser, tmp_path: Path) -> None:
    with serving(tmp_path / "f.db") as house:
        async with window(browser, house.url) as watched:
            watched.expected = ("ERR_", "Failed to load", "htmx:")
            await watched.log_in(TOKEN)
            _end(house)
            trouble = watched.page.get_by_role("status").filter(has_text=re.compile("Not updating"))
            await expect(trouble).to_be_visible(timeout=20_000)


def _end(house: House) -> None:
    house.process.terminate()
    house.process.wait(20)
