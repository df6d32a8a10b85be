"""Chromium, watched: what it asked for, what it complained about, what axe finds."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from shutil import which
from typing import Any, Literal

import pytest
from playwright.async_api import Browser, Page, async_playwright

CHROMIUM = os.environ.get("CHROMIUM") or which("chromium") or which("chromium-browser") or ""
ARGS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip
AXE = Path(__file__).with_name("vendor") / "axe.min.js"
SHAPES = {"light": (1280, 800), "dark": (1280, 800), "narrow": (390, 844)}
Shape = Literal["light", "dark", "narrow"]


@dataclass
class Watched:
    """A page and all that went wrong on it."""

    page: Page
    home: str
    problems: list[str] = field(default_factory=list)
    expected: tuple[str, ...] = ()  # parts of complaints that the test provokes

    def watch(self) -> None:
        """Note every complaint of the browser, and every request that leaves the house."""
        self.page.on("console", lambda m: self._note(m.text) if m.type == "error" else None)
        self.page.on("pageerror", lambda error: self._note(str(error)))
        self.page.context.on("request", lambda asked: self._asked(asked.url))

    def _asked(self, url: str) -> None:
        if not url.startswith((f"{self.home}/", "data:", "blob:")):
            self._note(f"left the house for {url}")

    def _note(self, text: str) -> None:
        if not any(part in text for part in self.expected):
            self.problems.append(text)

    async def log_in(self, secret: str) -> None:
        """Log in through the form."""
        await self.page.goto(f"{self.home}/login")
        await self.page.get_by_label("Admin token or API key").fill(secret)
        await self.page.get_by_role("button", name="Log in").click()

    async def open(self, path: str) -> Page:
        """Open one of the pages."""
        await self.page.goto(f"{self.home}{path}")
        return self.page

    async def accessibility(self) -> list[str]:
        """Run axe; what is serious or critical."""
        await self.page.evaluate(AXE.read_text(encoding="utf-8"))
        found: dict[str, Any] = await self.page.evaluate("axe.run()")
        return [
            f"{v['id']}: {v['nodes'][0]['html'][:160]}"
            for v in found["violations"]
            if v["impact"] in ("serious", "critical")
        ]


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """Start the browser, or skip where there is none."""
    if not CHROMIUM:
        pytest.skip("no chromium: apt-get install chromium, or set CHROMIUM to its path")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=list(ARGS))
        yield browser
        await browser.close()


@asynccontextmanager
async def window(
    browser: Browser, home: str, shape: Shape = "light", **options: Any
) -> AsyncIterator[Watched]:
    """Open a window of its own; nothing may go wrong in it."""
    width, height = SHAPES[shape]
    context = await browser.new_context(
        color_scheme="dark" if shape == "dark" else "light",
        viewport={"width": width, "height": height},
        reduced_motion="reduce",
        **options,
    )
    context.set_default_timeout(15_000)
    watched = Watched(await context.new_page(), home)
    watched.watch()
    yield watched
    await context.close()
    assert not watched.problems, watched.problems
