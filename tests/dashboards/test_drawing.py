"""Each board, drawn in Chromium by Grafana's own components from the running site.

`SAVE_PICTURES=1` writes what is seen to docs/images.
"""

import os
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

from dashboards.build import GRAFANA, HERE
from tests.dashboards.drawing import serving
from tests.dashboards.grafana import panels, read
from tests.dashboards.programs import need, until
from tests.dashboards.site import Site

IMAGES = HERE.parent / "docs" / "images"
BOARDS = ("budgets", "sqlite/spend", "sqlite/savings", "health")
FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
WIDTH = 1296
# What a reader must be able to read, beside that every panel shows something.
READABLE = {"sqlite/savings": ("1.33", "1.59", "2.00"), "sqlite/spend": ("$", "storefront")}

pytestmark = pytest.mark.timeout(600)  # the first run installs Grafana's components


@pytest.fixture(scope="module")
def pages(site: Site) -> Iterator[str]:
    with serving(site.prometheus, site.farebox.database) as url:
        yield url


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    program = need("chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=FLAGS)
        yield browser
        browser.close()


@pytest.mark.parametrize("name", BOARDS)
def test_every_panel_of_a_board_is_drawn_with_data(
    pages: str, chromium: Browser, name: str
) -> None:
    board = read(GRAFANA / f"{name}.json")
    wanted = {panel["title"]: "drawn" for panel in panels(board)}
    height = max(p["gridPos"]["y"] + p["gridPos"]["h"] for p in board["panels"]) * 36
    page = chromium.new_page(viewport={"width": WIDTH, "height": height})
    mistakes: list[str] = []
    page.on("pageerror", lambda error: mistakes.append(str(error)))
    page.goto(f"{pages}/?board={name}&live=120s")

    def states() -> dict[str, str]:
        found = page.eval_on_selector_all(
            "[data-panel]", "all => all.map(p => [p.dataset.panel, p.dataset.state])"
        )
        return dict(found)

    until(
        lambda: len(states()) == len(wanted) and "loading" not in states().values(),
        within_s=60,
        what=f"all panels of {name}",
    )
    errors = page.eval_on_selector_all("[data-error]", "all => all.map(p => p.dataset.error)")
    assert errors == []
    assert states() == wanted
    assert mistakes == []
    said = page.inner_text("body")
    assert all(words in said for words in READABLE.get(name, ()))
    if os.environ.get("SAVE_PICTURES") == "1":
        page.wait_for_timeout(500)
        IMAGES.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=IMAGES / f"board-{name.rpartition('/')[2]}.png")
    page.close()
