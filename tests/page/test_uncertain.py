"""More uncertain fares than one page holds: how many there are is said, and all are reached."""

import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from proxy.clock import now_us
from proxy.ledger import registry
from proxy.page.listing import PAGE_ROWS
from tests.page.house import serving
from tests.page.made_up import History, empty

MANY = PAGE_ROWS + 10


@pytest.fixture(scope="module")
def doubts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[httpx.Client, list[str]]]:
    path: Path = tmp_path_factory.mktemp("doubts") / "f.db"
    history = History(empty(path))
    history.store.transact(registry.create_key("web", actor="seed"))
    start = now_us() - 3_600_000_000
    for n in range(MANY):
        history.buy("web", start + n * 1_000_000, end="uncertain")
    history.store.session.close()
    with serving(path) as house, house.admin() as admin:
        yield admin, history.uncertain


def shown(page: httpx.Response) -> list[str]:
    return re.findall(r'<h2><a href="/charges/([^"]+)">', page.text)


def test_uncertain_fares_are_listed_a_page_at_a_time(
    doubts: tuple[httpx.Client, list[str]],
) -> None:
    admin, ids = doubts
    first = admin.get("/uncertain")
    assert shown(first) == ids[:PAGE_ROWS]
    assert f"{PAGE_ROWS} of {MANY} uncertain fares" in first.text
    more = re.search(r'href="(\?after=[^"]+)">Later fares', first.text)
    assert more
    second = admin.get(f"/uncertain{more[1]}")
    assert shown(second) == ids[PAGE_ROWS:]
    assert "Later fares" not in second.text


def test_behind_the_last_one_the_list_begins_again(
    doubts: tuple[httpx.Client, list[str]],
) -> None:
    admin, ids = doubts
    page = admin.get("/uncertain", params={"after": ids[-1]})
    assert page.headers["location"] == "/uncertain"
