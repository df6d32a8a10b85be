"""One house and one browser for all the tests of a file."""

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from tests.page.browsing import Watched, chromium, window
from tests.page.house import TOKEN, House, lived_in


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with lived_in(tmp_path_factory.mktemp("house")) as found:
        yield found


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as found:
        yield found


@pytest_asyncio.fixture(loop_scope="module")
async def admin(browser: Browser, house: House) -> AsyncIterator[Watched]:
    async with window(browser, house.url) as watched:
        await watched.log_in(TOKEN)
        yield watched


@pytest_asyncio.fixture(loop_scope="module")
async def visitor(browser: Browser, house: House) -> AsyncIterator[Watched]:
    async with window(browser, house.url) as watched:
        yield watched
