"""Take the pictures of the guide again: every view in light, dark and narrow.

python -m tests.page [view …]
"""

import asyncio
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.async_api import Page

from tests.page.browsing import SHAPES, Shape, chromium, window
from tests.page.house import TOKEN, House, lived_in
from tests.page.test_looks import VIEWS

IMAGES = Path(__file__).parents[2] / "docs" / "images"
TALL_MAX = 1400


async def pictures(house: House, names: list[str]) -> None:
    """Take them."""
    async with chromium() as browser:
        for shape in SHAPES:
            async with window(browser, house.url, shape) as watched:
                watched.expected = ("404",)
                await watched.open("/login")
                await _take(watched.page, "login", shape, names)
                await watched.log_in(TOKEN)
                for name, path in VIEWS.items():
                    await watched.open(path.format(uncertain=house.uncertain[0]))
                    await _take(watched.page, name, shape, names)
            async with window(browser, house.url, shape) as watched:
                await watched.log_in(house.secrets["newsletter"])
                await _take(watched.page, "my", shape, names)


async def _take(page: Page, name: str, shape: Shape, names: list[str]) -> None:
    if names and name not in names:
        return
    await page.evaluate("document.fonts.ready")
    width, least = SHAPES[shape]
    tall = int(await page.evaluate("document.documentElement.scrollHeight"))
    path = IMAGES / f"page-{name}-{shape}.png"
    height = max(least, min(tall, TALL_MAX))
    await page.wait_for_timeout(250)  # a picture may wait for the last pixel, a test may not
    await page.screenshot(
        path=path, full_page=True, clip={"x": 0, "y": 0, "width": width, "height": height}
    )
    if shutil.which("pngquant"):
        quantize = ["pngquant", "--force", "--skip-if-larger", "--ext", ".png", "48", str(path)]
        await asyncio.to_thread(subprocess.run, quantize, check=False)


if __name__ == "__main__":
    IMAGES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as directory, lived_in(Path(directory), calls=600) as home:
        for size in ("4K", "2K", "8K"):
            home.call(home.secrets["batch-2026"], size=size)
        home.call("sk-fb-nobody")
        asyncio.run(pictures(home, sys.argv[1:]))
