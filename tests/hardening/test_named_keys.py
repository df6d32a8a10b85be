"""A GPT Proto key that pays for a Farebox key is ours: nobody calls with it, nothing shows it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from proxy.keys import fingerprint
from proxy.ledger import registry
from tests.relay.house import PATH, Farebox, charge_of
from tests.standin.server import Standin

VARIABLE = "RED_TEAM_KEY"
SECRET = "sk-of-the-red-team-0123456789"
OTHER = "sk-of-somebody-else-0123456789"
HEADERS = ("Authorization", "x-api-key", "x-goog-api-key")


@dataclass
class House:
    farebox: Farebox
    upstream: Standin
    red: str

    def call(self, headers: dict[str, str], method: str = "POST") -> httpx.Response:
        return self.farebox.client.request(
            method, self.farebox.url + PATH, headers=headers, json={"prompt": "a cat"}
        )


@contextmanager
def paying(home: Path, upstream: Standin) -> Iterator[House]:
    farebox = Farebox(home, upstream.url)
    try:
        farebox.start(environ={VARIABLE: SECRET})
        yield House(farebox, upstream, farebox.key("red", upstream_key_env=VARIABLE))
    finally:
        farebox.close()


@pytest.fixture(scope="module")
def shared(upstream: Standin, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with paying(tmp_path_factory.mktemp("shared"), upstream) as house:
        yield house


@pytest.fixture
def house(upstream: Standin, tmp_path: Path) -> Iterator[House]:
    with paying(tmp_path, upstream) as house:
        yield house


def test_it_pays_for_the_key_that_names_it_and_is_starred_out_of_answers(shared: House) -> None:
    assert shared.farebox.submit(shared.red).status_code == 200
    assert shared.upstream.last(PATH).header(b"authorization") == SECRET.encode()
    echoed = shared.farebox.submit(shared.red, "standin:echo-key")
    assert shared.upstream.last(PATH).header(b"authorization") == SECRET.encode()
    assert SECRET not in echoed.text
    assert "*" * len(SECRET) in echoed.text


@pytest.mark.parametrize("spelled", ["{}", "Bearer {}", "bearer   {}"])
@pytest.mark.parametrize("name", HEADERS)
def test_nobody_calls_with_it_however_it_is_sent(
    name: str, spelled: str, upstream: Standin, shared: House
) -> None:
    before = len(upstream.calls)
    beside = {} if name == "Authorization" else {"Authorization": OTHER}
    for method in ("POST", "GET", "DELETE"):
        answer = shared.call(beside | {name: spelled.format(SECRET)}, method)
        assert (answer.status_code, answer.json()["error"]["type"]) == (401, "invalid_key")
        assert SECRET not in answer.text
    assert len(upstream.calls) == before
    shared.call({name: spelled.format(SECRET)}, "OPTIONS")
    assert upstream.calls[-1].method == "OPTIONS"
    assert SECRET.encode() not in b"".join(value for _, value in upstream.calls[-1].headers)


def test_it_is_ours_for_as_long_as_a_key_names_it(house: House) -> None:
    farebox = house.farebox
    assert house.call({"Authorization": SECRET}).status_code == 401
    farebox.change(registry.set_key("red", {"upstream_key_env": ""}, actor="test"))
    farebox.until(lambda: house.call({"Authorization": SECRET}).status_code == 200)
    farebox.change(registry.set_key("red", {"upstream_key_env": VARIABLE}, actor="test"))
    farebox.until(lambda: house.call({"Authorization": SECRET}).status_code == 401)


def test_one_that_was_adopted_still_calls_with_its_own(house: House) -> None:
    farebox = house.farebox
    farebox.change(registry.adopt(fingerprint(SECRET), name="blue", actor="test"))
    farebox.until(lambda: house.call({"Authorization": SECRET}).status_code == 200)
    answer = house.call({"Authorization": SECRET})
    row = "SELECT keys.name FROM charges JOIN keys ON keys.id=key_id WHERE charges.id=?"
    assert farebox.rows(row, charge_of(answer)) == [("blue",)]
