"""A caller's own GPT Proto key at the login: before its first call it looks and leaves nothing."""

import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from proxy.door import Door, Purse, unseen_key
from proxy.keys import digest, fingerprint
from proxy.ledger.store import Store
from proxy.page.session import begin, stamp_of
from tests.page.house import House, log_in, serving
from tests.page.made_up import empty

OWN = "sk-a-team-s-own-key-never-seen"
ID = f"own_{fingerprint(OWN)}"
NOW_S = 1_800_000_000


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[House]:
    with serving(tmp_path / "f.db", FAREBOX_DEFAULT_DAILY_BUDGET_USD="7.5") as house:
        yield house


def money(page: str) -> list[str]:
    """Read the figures of a page as they are spelled."""
    return [a + b for a, b in re.findall(r'class="usd">([\d,.]+)<small>(\d{4})</small>', page)]


def test_before_its_first_call_it_sees_what_budget_says(fresh: House) -> None:
    with fresh.client() as client:
        told = client.get("/budget", headers={"authorization": OWN}).json()
        assert log_in(client, OWN).headers["location"] == "/my"
        page = client.get("/my")
    assert page.status_code == 200
    shown = money(page.text)
    assert shown[:2] == [told["limit_usd"], told["remaining_usd"]] == ["7.500000"] * 2
    assert shown[2:4] == [told["spent_usd"], told["reserved_usd"]] == ["0.000000"] * 2
    assert told["key"] in page.text
    assert "No call has come with this key yet" in page.text
    assert "No charges yet." in page.text


@pytest.mark.parametrize("text", ["an-admin-tokn", "Bearer an-admin-tokn", "SK-x", " sk", "-sk-x"])
def test_a_mistyped_token_is_no_key(fresh: House, text: str) -> None:
    with fresh.client() as client:
        answer = log_in(client, text)
        assert answer.status_code == 403
        assert "This opens nothing here" in answer.text
        assert client.get("/my").status_code != 200


def test_nothing_is_kept_of_a_key_that_only_looked(fresh: House, tmp_path: Path) -> None:
    with fresh.client() as client:
        sent = log_in(client, OWN).headers["set-cookie"]
        client.get("/my")
        client.get("/my/fb_none")
    assert OWN not in sent
    with sqlite3.connect(tmp_path / "f.db") as database:
        assert database.execute("SELECT count(*) FROM keys").fetchone() == (0,)
    kept = [path for path in tmp_path.iterdir() if path.is_file()]
    assert not [path for path in kept if OWN.encode() in path.read_bytes()]
    assert not [path for path in kept if fingerprint(OWN).encode() in path.read_bytes()]


def test_its_first_call_shows_up_without_another_login(fresh: House) -> None:
    with fresh.client() as client:
        log_in(client, OWN)
        charge_id = fresh.call(OWN).headers["x-farebox-charge-id"]
        page = client.get("/my").text
    assert charge_id in page
    assert "No call has come with this key yet" not in page


@pytest.mark.parametrize("own_keys", ["adopted", "refuse"])
def test_where_own_keys_are_not_let_in_the_page_does_not_either(
    tmp_path: Path, own_keys: str
) -> None:
    with serving(tmp_path / "f.db", FAREBOX_OWN_KEYS=own_keys) as house, house.client() as client:
        answer = log_in(client, OWN)
        assert answer.status_code == 403
        assert "This opens nothing here" in answer.text
        assert client.get("/my").status_code == 303


def test_every_unknown_key_counts_as_a_guess_at_the_token(fresh: House) -> None:
    seen = []
    for n in range(12):
        with fresh.client() as client:
            seen.append(log_in(client, f"sk-guess-{n}").status_code)
    assert seen[:5] == [303] * 5
    assert 429 in seen


def test_the_upstream_s_key_is_no_login(fresh: House) -> None:
    with fresh.client() as client:
        assert log_in(client, "sk-the-real-one").status_code == 403


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Store]:
    store = empty(tmp_path / "f.db")
    yield store
    store.session.close()


@pytest.mark.parametrize(("own_keys", "found"), [("accept", ID), ("adopted", ""), ("refuse", "")])
def test_a_session_ends_with_the_rule_that_let_it_in(
    ledger: Store, own_keys: str, found: str
) -> None:
    directory = ledger.directory
    door = Door(own_keys, digest("token"), Purse(None, {}, lambda: directory))
    stamp = stamp_of(unseen_key(fingerprint(OWN)))
    key = begin(ID, NOW_S, stamp=stamp).key(directory, door, NOW_S * 1_000_000)
    assert (key.id if key else "") == found


def test_no_other_name_is_an_unseen_key(ledger: Store) -> None:
    directory = ledger.directory
    door = Door("accept", digest("token"), Purse(None, {}, lambda: directory))
    for who in ("admin", "nobody", "key_gone"):
        assert begin(who, NOW_S).key(directory, door, NOW_S * 1_000_000) is None
