"""What people come to the page for, done by clicking in a real browser."""

import re
from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Locator, Page, expect

from tests.page.browsing import Watched, window
from tests.page.house import TOKEN, House

pytestmark = pytest.mark.asyncio(loop_scope="module")


def status(answer: httpx.Response) -> tuple[int, str]:
    """Say what became of a call."""
    return answer.status_code, answer.headers.get("x-farebox-refused", "")


@pytest_asyncio.fixture(loop_scope="module")
async def secret(admin: Watched) -> AsyncIterator[str]:
    """A key of its own, made on the page."""
    yield await make_key(admin, f"made-{id(admin):x}")


async def make_key(admin: Watched, name: str, **fields: str) -> str:
    """Create a key by filling in the form, and read its secret."""
    page = await admin.open("/keys")
    await page.get_by_role("link", name="New key").click()
    await page.get_by_label(re.compile("^Name")).fill(name)
    for label, value in fields.items():
        await page.get_by_label(label.replace("_", " ")).fill(value)
    await page.get_by_role("button", name="Create key").click()
    await expect(page.get_by_role("heading", name=f"Key created: {name}")).to_be_visible()
    secret = page.get_by_label("Secret")
    await expect(secret).to_have_css("font-family", re.compile("monospace$"))  # l, I and 1 differ
    return await secret.input_value()


async def act(page: Page, label: str, button: str) -> None:
    """Open one of the drawers with a second button, and press that."""
    drawer = page.locator("details", has=page.locator("summary", has_text=label))
    await drawer.locator("summary").click()
    await drawer.get_by_role("button", name=button).click()


def row(page: Page, name: str) -> Locator:
    return page.locator("tr", has_text=name).first


async def test_a_wrong_token_is_turned_away_and_the_right_one_let_in(visitor: Watched) -> None:
    visitor.expected = ("403",)
    await visitor.log_in("not the token")
    await expect(visitor.page.get_by_role("alert")).to_contain_text("This opens nothing here")
    await visitor.log_in(TOKEN)
    await expect(visitor.page.get_by_role("heading", name="Budgets today")).to_be_visible()
    await visitor.page.get_by_role("button", name="Log out").click()
    await expect(visitor.page.get_by_label("Admin token or API key")).to_be_focused()


async def test_today_shows_spent_held_remaining_and_the_curve(admin: Watched) -> None:
    page = await admin.open("/")
    figures = page.locator(".figures").first
    for words in ("Spent", "Held", "Remaining of 9.000000", "Uncertain"):
        await expect(figures).to_contain_text(words)
    assert await drawn(page) > 100
    await page.get_by_text("The figures, by hour").click()
    await expect(page.get_by_role("columnheader", name="Since midnight, USD")).to_be_visible()
    await expect(row(page, "web-shop")).to_contain_text("3.000000")


async def drawn(page: Page) -> int:
    """Count the painted pixels of the first chart."""
    canvas = page.locator(".chart canvas").first
    await expect(canvas).to_be_visible()
    return int(
        await canvas.evaluate(
            "c => c.getContext('2d').getImageData(0, 0, c.width, c.height).data"
            ".filter((v, i) => i % 4 === 3 && v > 0).length"
        )
    )


async def test_a_call_shows_up_by_itself_and_opens_to_its_story(
    house: House, admin: Watched, secret: str
) -> None:
    page = await admin.open("/")
    answer = house.call(secret)
    assert answer.status_code == 200
    charge_id = answer.headers["x-farebox-charge-id"]
    link = page.get_by_role("link", name=f"Charge {charge_id}")
    await expect(link).to_be_visible(timeout=15_000)
    await link.click()
    await expect(page.get_by_text("Reserved before the call went out")).to_be_visible()
    await expect(page.get_by_text("The upstream took the job")).to_be_visible()
    facts = page.locator(".facts")
    await expect(facts).to_contain_text("2026-09-25")
    await expect(facts).to_contain_text(answer.json()["data"]["id"])


TICK = "htmx.trigger(document.body, 'farebox:tick')"


async def test_an_opened_table_stays_open_when_its_part_comes_again(admin: Watched) -> None:
    page = await admin.open("/")
    await page.get_by_text("The figures, by hour").click()
    before = await page.locator("#part-curve").get_attribute("data-mark")
    assert before
    await page.mouse.move(0, 0)
    await page.wait_for_timeout(1100)  # the curve ends now, so a second later it is another one
    await page.evaluate(TICK)
    await expect(page.locator("#part-curve")).not_to_have_attribute("data-mark", before)
    await expect(page.get_by_role("columnheader", name="Since midnight, USD")).to_be_visible()


async def test_a_chart_stands_still_while_it_is_read(admin: Watched) -> None:
    page = await admin.open("/")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    await page.locator(".u-over").hover(position={"x": 40, "y": 40})
    said = await page.locator(".readout").inner_text()
    await page.evaluate(TICK)
    assert any("part=figures" in url for url in asked)
    assert not any("part=curve" in url for url in asked)
    await expect(page.locator(".readout")).to_have_text(said)


async def test_live_can_be_switched_off_and_stays_off(admin: Watched) -> None:
    page = await admin.open("/")
    switch = page.get_by_role("button", name="Live")
    await expect(switch).to_have_attribute("aria-pressed", "true")
    await switch.click()
    await page.reload()
    await expect(switch).to_have_attribute("aria-pressed", "false")


async def test_charges_are_filtered_and_an_empty_filter_says_so(admin: Watched) -> None:
    page = await admin.open("/charges")
    await page.get_by_label("Key", exact=True).select_option("newsletter")
    await page.get_by_label("State").select_option("settled")
    await page.get_by_role("button", name="Filter").click()
    rows = page.locator(".charges tbody tr")
    assert await rows.count() > 0
    assert all("newsletter" in text for text in await rows.all_inner_texts())
    await page.get_by_label("Team").select_option("marketing")
    await page.get_by_role("button", name="Filter").click()
    await expect(page.get_by_text("No charge fits this filter.")).to_be_visible()
    await page.get_by_role("link", name="Show all charges").click()
    await page.get_by_role("link", name="Older charges").click()
    assert await rows.count() > 0


async def test_a_refusal_is_told_in_the_words_the_caller_got(house: House, admin: Watched) -> None:
    secret = await make_key(admin, "spent", Daily_budget="0.01")
    assert status(house.call(secret)) == (402, "budget_exceeded")
    page = await admin.open("/")
    told = page.locator(".refusals li").first
    await expect(told).to_contain_text("Daily budget of key 'spent': 0.010000 of 0.010000 USD left")


@pytest.mark.parametrize(
    ("button", "done", "state"),
    [("Charge", "Charged, on the record.", "settled"),
     ("Release", "Released, on the record.", "released")],
)  # fmt: skip
async def test_an_uncertain_fare_is_decided_with_a_reason(
    admin: Watched, button: str, done: str, state: str
) -> None:
    page = await admin.open("/")
    await page.get_by_role("link", name=re.compile(r"Decide \d+ fare")).click()
    fare = page.locator(".doubts li").first
    await fare.get_by_label("Why").fill(f"the provider shows it {state}")
    await fare.get_by_role("button", name=button).click()
    await expect(page.get_by_text(done)).to_be_visible()
    await expect(page.locator(".title .state")).to_have_text(state)
    await expect(page.locator(".story")).to_contain_text(f"the provider shows it {state}")
    await expect(page.locator(".story")).to_contain_text("decided by hand by page")
    await admin.open("/health")
    await expect(row(page, f"the provider shows it {state}")).to_contain_text("charge")


async def test_a_decision_without_a_reason_is_not_taken(house: House, admin: Watched) -> None:
    admin.expected = ("422",)
    page = await admin.open("/charges?state=uncertain")
    await page.locator(".charges tbody a").first.click()
    await page.get_by_label(re.compile("^Why")).evaluate("i => i.removeAttribute('required')")
    await page.get_by_role("button", name=re.compile("^Release")).click()
    await expect(page.get_by_role("alert")).to_contain_text("Say why")


async def test_a_new_key_calls_and_its_secret_is_shown_once(
    house: House, admin: Watched, secret: str
) -> None:
    assert house.call(secret).status_code == 200
    page = admin.page
    await page.get_by_role("link", name="I have stored it").click()
    assert secret not in await page.content()
    await admin.open("/keys")
    assert secret not in await page.content()


async def test_a_budget_set_on_the_page_binds_the_next_call(
    house: House, admin: Watched, secret: str
) -> None:
    page = admin.page
    await page.get_by_role("link", name="I have stored it").click()
    await page.get_by_label("Daily budget").fill("0.02")
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_text("Saved.")).to_be_visible()
    await expect(page.locator(".budgets")).to_contain_text("0.020000")
    assert status(house.call(secret)) == (402, "budget_exceeded")
    await page.get_by_label("More for today").fill("1")
    await page.get_by_role("button", name="Top up").click()
    await expect(page.get_by_text("More for today.")).to_be_visible()
    assert house.call(secret).status_code == 200


async def test_two_who_change_one_key_do_not_overwrite_each_other(
    browser: Browser, house: House, admin: Watched
) -> None:
    async with window(browser, house.url) as other:
        other.expected = ("409",)
        await other.log_in(TOKEN)
        await other.open("/keys/ana.laptop")
        page = await admin.open("/keys/ana.laptop")
        await page.get_by_label("Daily budget").fill("7")
        await page.get_by_role("button", name="Save").click()
        await other.page.get_by_label("Daily budget").fill("9")
        await other.page.get_by_role("button", name="Save").click()
        await expect(other.page.get_by_role("alert")).to_contain_text("Somebody else changed")
        await expect(other.page.get_by_label("Daily budget")).to_have_value("7")


async def test_a_key_is_paused_resumed_rotated_and_revoked(
    house: House, admin: Watched, secret: str
) -> None:
    page = admin.page
    await page.get_by_role("link", name="I have stored it").click()
    await act(page, "Pause…", "Pause key")
    await expect(page.get_by_text("Paused. New calls are refused")).to_be_visible()
    assert status(house.call(secret)) == (403, "key_paused")
    await act(page, "Resume…", "Resume key")
    assert house.call(secret).status_code == 200
    await act(page, "Rotate…", "Rotate key")
    fresh = await page.get_by_label("Secret").input_value()
    assert fresh != secret
    assert house.call(fresh).status_code == house.call(secret).status_code == 200, "in its grace"
    await page.get_by_role("link", name="I have stored it").click()
    await act(page, "Revoke…", "Revoke key")
    await expect(page.get_by_text("This key is revoked, for good.")).to_be_visible()
    assert status(house.call(fresh)) == (401, "invalid_key")


async def test_an_own_key_is_adopted_from_the_list(house: House, admin: Watched) -> None:
    assert house.call("sk-the-teams-own-key").status_code == 200
    page = await admin.open("/keys")
    await page.get_by_role("link", name=re.compile("^own-")).click()
    await page.get_by_role("link", name="Adopt…").click()
    await page.get_by_label(re.compile("^Name")).fill("brought-along")
    await page.get_by_label("Daily budget").fill("2")
    await page.get_by_role("button", name="Adopt key").click()
    await expect(page.get_by_text("Adopted.")).to_be_visible()
    await expect(page.locator(".budgets")).to_contain_text("2.000000")


async def test_a_team_is_capped_and_everything_is_paused(house: House, admin: Watched) -> None:
    secret = house.secrets["newsletter"]
    page = await admin.open("/teams")
    whole = page.locator("#team-all")
    await whole.get_by_text("Pause everything…").click()
    await whole.get_by_label("Why").fill("a test of the switch")
    await whole.get_by_role("button", name="Pause everything").click()
    assert status(house.call(secret)) == (403, "key_paused")
    await admin.open("/")
    await expect(page.get_by_text("Everything is paused.")).to_be_visible()
    await admin.open("/teams")
    await act(page, "Resume everything…", "Resume everything")
    new = page.locator("section", has=page.get_by_role("heading", name="A new team"))
    await new.get_by_label(re.compile("^Name")).fill("research")
    await new.get_by_label("Daily cap").fill("12.50")
    await new.get_by_role("button", name="Add team").click()
    team = page.locator("#team-research")
    await expect(team.get_by_label("Daily cap")).to_have_value("12.50")
    await team.get_by_label("Daily cap").fill("many")
    admin.expected = ("422",)
    await team.get_by_role("button", name="Save caps").click()
    await expect(team.get_by_role("alert")).to_contain_text("Dollars")


async def test_prices_stand_side_by_side_and_what_is_not_published_is_marked(
    admin: Watched,
) -> None:
    page = await admin.open("/prices")
    await expect(page.get_by_role("columnheader", name="2026-04-28, USD")).to_be_visible()
    await page.get_by_label("Model").fill("gemini-3.1-flash-image-preview")
    await page.get_by_role("button", name="Show").click()
    await expect(row(page, "0.5K")).to_contain_text("derived")
    await page.get_by_label("Show").select_option("derived and estimated")
    await page.get_by_role("button", name="Show").click()
    words = await page.locator(".prices tbody tr").all_inner_texts()
    assert words
    assert all("derived" in text or "estimated" in text for text in words)


async def test_spend_is_drawn_by_team_model_resolution_and_month(admin: Watched) -> None:
    page = await admin.open("/spend")
    for way in ("Team", "Key", "Model", "Resolution", "Month"):
        await page.get_by_role("link", name=way, exact=True).click()
        await expect(page.get_by_role("heading", name=f"By {way.lower()}")).to_be_visible()
        assert await drawn(page) > 100
    await expect(page.locator(".readout")).to_have_text(re.compile(r"^[A-Z][a-z]{2} 20\d\d  "))
    await page.get_by_role("link", name="7 days").click()
    await expect(page.locator(".tabs [aria-current]").nth(1)).to_have_text("7 days")


@pytest.mark.parametrize("path", ["/", "/spend"])
async def test_the_readout_says_what_the_pointer_is_on_or_what_came_last(
    admin: Watched, path: str
) -> None:
    page = await admin.open(path)
    readout = page.locator(".readout")
    await expect(readout).to_contain_text("USD")
    last = await readout.inner_text()
    await page.locator(".u-over").hover(position={"x": 40, "y": 40})
    await expect(readout).not_to_have_text(last)
    await page.mouse.move(0, 0)
    await expect(readout).to_have_text(last)


async def test_advice_says_what_would_have_been_saved(admin: Watched) -> None:
    page = await admin.open("/advice")
    advice = page.locator(".doubts li", has_text="4K → 2K")
    await expect(advice).to_contain_text("USD")
    await expect(advice).to_contain_text("These calls cost")


async def test_health_says_what_is_open_and_who_changed_what(admin: Watched) -> None:
    page = await admin.open("/health")
    await expect(page.get_by_role("heading", name="Serving")).to_be_visible()
    await page.get_by_role("link", name="List them").click()
    await expect(page.get_by_label("State")).to_have_value("open")


async def test_a_key_sees_its_own_budget_and_charges_and_nothing_of_others(
    house: House, visitor: Watched
) -> None:
    await visitor.log_in(house.secrets["newsletter"])
    page = visitor.page
    await expect(page.get_by_text("Remaining of 1.200000")).to_be_visible()
    await expect(page.get_by_text("Its team, day")).to_be_visible()
    assert await drawn(page) > 100
    text = await page.content()
    assert not any(name in text for name in ("web-shop", "ad-banners", "thumbnails"))
    assert "5.000000" not in text, "the team's limit is not for it"
    await page.locator(".charges tbody a").first.click()
    await expect(page.get_by_text("Reserved before the call went out")).to_be_visible()
    visitor.expected = ("404",)
    await visitor.open(f"/my/{house.uncertain[1]}")
    await expect(page.get_by_role("heading", name="Not found")).to_be_visible()


async def test_it_is_worked_with_the_keyboard_alone(visitor: Watched, house: House) -> None:
    page = await visitor.open("/login")
    await page.keyboard.type(TOKEN)
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", name="Budgets today")).to_be_visible()
    await page.keyboard.press("Tab")
    await expect(page.get_by_role("link", name="Skip to the figures")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page.locator("main")).to_be_focused()


async def test_without_scripts_everything_but_charts_and_live_works(
    browser: Browser, house: House
) -> None:
    async with window(browser, house.url, java_script_enabled=False) as plain:
        await plain.log_in(TOKEN)
        for part in ("#live", ".chart", ".legend"):
            await expect(plain.page.locator(part)).to_be_hidden()
        await plain.page.get_by_text("The figures, by hour").click()
        await expect(plain.page.get_by_role("columnheader", name="Hour")).to_be_visible()
        assert await make_key(plain, "without-scripts")
        await expect(plain.page.locator("[data-copy]")).to_be_hidden()
