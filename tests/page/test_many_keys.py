"""Many of everything: the page shows what matters, says what it leaves out, and finds it."""

import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from proxy.clock import now_us
from proxy.ledger import registry
from proxy.ledger.settlement import QUARTER_US
from proxy.page.listing import DOUBTS_SHOWN
from proxy.page.standing import IDLE_UP_TO, Board, board
from proxy.page.views import spend
from proxy.reports.periods import month
from proxy.reports.spend import PAGE_ROWS
from tests.page.house import House, serving
from tests.page.made_up import History, empty

MANY = 60
NOVEMBER_DAYS = 30


def keys(directory: Path, *, busy: int) -> History:
    """Make many keys, some of which have bought something today."""
    history = History(empty(directory / "f.db"))
    for n in range(MANY):
        team = f"team-{n % 3}"
        made = registry.create_key(f"k{n:02}", actor="seed", team=team)
        history.store.transact(made)
    now = now_us()
    for n in range(busy):
        history.buy(f"k{MANY - 1 - n:02}", now)
    history.at(now)
    return history


def names(found: Board) -> list[str]:
    return [line.name for group in found.groups for line in group.keys]


@pytest.mark.parametrize(("busy", "shown"), [(0, IDLE_UP_TO), (2, IDLE_UP_TO), (40, 40)])
def test_keys_that_bought_something_are_all_shown_and_few_others(
    tmp_path: Path, busy: int, shown: int
) -> None:
    store = keys(tmp_path, busy=busy).store
    found = board(store.directory)(store.session)
    assert len(names(found)) == shown
    assert {f"k{MANY - 1 - n:02}" for n in range(busy)} <= set(names(found))
    assert (found.hidden, found.hidden_micros) == (MANY - shown, 0)
    store.session.close()


@pytest.fixture(scope="module")
def admin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    directory = tmp_path_factory.mktemp("many")
    keys(directory, busy=1).store.session.close()
    with serving(directory / "f.db") as house, house.admin() as client:
        yield client


def listed(page: httpx.Response) -> list[str]:
    return re.findall(r'<th scope="row"><a href="/keys/[^"]+">([^<]+)', page.text)


def test_what_is_left_out_is_counted(admin: httpx.Client) -> None:
    page = admin.get("/")
    assert f"{MANY - IDLE_UP_TO} more keys spent nothing today" in page.text


@pytest.mark.parametrize(
    ("query", "found"),
    [("", MANY), ("K17", 1), ("team-2", MANY // 3), ("k5", 10), ("nobody", 0)],
)
def test_keys_are_found_by_name_and_team(admin: httpx.Client, query: str, found: int) -> None:
    page = admin.get("/keys", params={"q": query})
    assert len(listed(page)) == found
    assert ("No key fits." in page.text) == (not found)
    assert "Name or team" in page.text


def test_a_few_keys_need_no_search(house: House) -> None:
    with house.admin() as client:
        assert "Name or team" not in client.get("/keys").text


def test_doubts_that_a_page_does_not_hold_are_counted(tmp_path: Path) -> None:
    history = History(empty(tmp_path / "f.db"))
    history.store.transact(registry.create_key("web", actor="seed", daily_micros=10**9))
    for n in range(DOUBTS_SHOWN + 1):
        history.buy("web", now_us() + n, end="uncertain")
    history.store.session.close()
    with serving(tmp_path / "f.db") as house, house.admin() as client:
        page = client.get("/uncertain").text
        assert page.count('value="charge"') == DOUBTS_SHOWN
        assert f"The oldest {DOUBTS_SHOWN} of {DOUBTS_SHOWN + 1};" in page


def test_the_spend_of_more_keys_and_days_than_are_read_at_once_is_whole(tmp_path: Path) -> None:
    """A page of the roll-up is a part of it: its sum is no total."""
    november = month("2026-11")
    midnights = range(november.start_us // QUARTER_US, november.end_us // QUARTER_US, 96)
    count = PAGE_ROWS // NOVEMBER_DAYS + 10
    sold = [
        (day, f"key_{n}", f"k{n}", "", "m", "1K", "edit", "v", "{}", 1, 1, 40_200, 67_000)
        for day in midnights
        for n in range(count)
    ]
    store = empty(tmp_path / "f.db")
    with sqlite3.connect(tmp_path / "f.db") as ledger:
        marks = ",".join("?" * len(sold[0]))
        ledger.executemany(f"INSERT INTO spend VALUES({marks})", sold)
    found = spend.ask(store.session, "key", november)
    assert found.total.spend_micros == 40_200 * len(sold)
    assert len(found.groups) == count
    store.session.close()
