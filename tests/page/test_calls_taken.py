"""Wherever a key is shown, the page says whether its calls are taken, and if not, why."""

import re
from collections.abc import Iterator

import pytest

from proxy.clock import now_us
from proxy.directory import PAUSED
from proxy.ledger import registry
from tests.page.house import House, log_in, mark, serving
from tests.page.made_up import DAY_US, History, empty

TAKEN = {"ended": "expired", "stopped": "paused", "asleep": "paused", "awake": "active"}


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    path = tmp_path_factory.mktemp("taken") / "f.db"
    history, secrets = History(empty(path)), {}
    facts = {"ended": {"expires_us": now_us() - DAY_US}, "asleep": {"team": "night"}}
    for name in TAKEN:
        made = registry.create_key(name, actor="seed", **facts.get(name, {}))
        secrets[name] = history.store.transact(made).secret
    history.store.transact(registry.pause("stopped", actor="seed"))
    history.store.transact(registry.create_key("gone", actor="seed", team="night"))
    history.store.transact(registry.revoke("gone", actor="seed"))
    history.store.transact(registry.set_team("night", {"state": PAUSED}, actor="seed"))
    history.store.session.close()
    with serving(path) as found:
        found.secrets = secrets
        yield found


def words(html: str) -> str:
    return " ".join(re.sub(r"<[^>]*>", " ", html).split())


def row(page: str, name: str) -> str:
    found = re.search(rf"<tr[^>]*><th[^>]*><a[^>]*>{name}</a>.*?</tr>", page, re.DOTALL)
    assert found, f"{name} is not listed"
    return words(found[0])


def test_a_call_is_taken_exactly_where_the_page_says_active(house: House) -> None:
    taken = {name: house.call(secret).is_success for name, secret in house.secrets.items()}
    assert taken == {name: state == "active" for name, state in TAKEN.items()}
    with house.admin() as admin:
        listed, today = admin.get("/keys").text, admin.get("/").text
        for name, state in TAKEN.items():
            assert f" {state} " in row(listed, name)
            assert state == "active" or f" {state} " in row(today, name)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("ended", "expired since "), ("stopped", "paused ·"),
        ("asleep", "paused with its team"), ("awake", "active ·"),
    ],
)  # fmt: skip
def test_a_key_says_why_its_calls_are_refused(house: House, name: str, said: str) -> None:
    with house.admin() as admin:
        assert f"{name} {said}" in words(admin.get(f"/keys/{name}").text)


def test_a_team_is_told_what_is_paused(house: House) -> None:
    for name, said in (("stopped", "This key is paused"), ("asleep", "Its team is paused")):
        with house.client() as caller:
            log_in(caller, house.secrets[name])
            assert f"{said}: priced calls are refused." in words(caller.get("/my").text)


def test_a_team_is_told_which_budget_beside_its_day_has_nothing_left(house: House) -> None:
    with house.admin() as admin:
        form = {"csrf": mark(admin.get("/teams").text), "name": "poor", "monthly_budget_usd": "0"}
        admin.post("/teams", data=form)
        form = {"csrf": mark(admin.get("/keys/new").text), "name": "theirs", "team": "poor"}
        secret = re.search(r'value="(sk-fb-[^"]+)"', admin.post("/keys/new", data=form).text)
    assert secret
    assert house.call(secret[1]).json()["error"]["details"]["window"] == "month"
    with house.client() as caller:
        log_in(caller, secret[1])
        page = words(caller.get("/my").text)
    assert "Its team, month 0.00 0000 remaining Priced calls are refused until " in page
    assert page.count("refused") == 1, "the day has room"


def test_a_team_counts_the_keys_that_it_still_has(house: House) -> None:
    with house.admin() as admin:
        assert "night paused 1 key Spent today" in words(admin.get("/teams").text)


def test_an_allow_list_that_names_what_is_not_sold_is_warned_of(house: House) -> None:
    with house.admin() as admin:
        form = {"csrf": mark(admin.get("/keys/new").text), "name": "mistyped"}
        made = admin.post("/keys/new", data={**form, "models": "qwen-image\nqwen-imag"})
        for page in (made, admin.get("/keys/mistyped")):
            assert "no price table knows &#39;qwen-imag&#39;" in page.text
            assert "knows &#39;qwen-image&#39;" not in page.text
        assert "not sold" not in admin.get("/keys/awake").text
