"""What the page says of a fare is what the ledger says: paid, given back, or of unknown price."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from proxy.admin.changes import ByHand
from proxy.charge import Ground
from proxy.instants import epoch_us
from proxy.ledger import registry
from proxy.ledger.outcomes import Decide
from proxy.reports.corrections import Bill
from tests.page.house import House, log_in, serving
from tests.page.made_up import History, empty

NOON_US = epoch_us(datetime(2026, 11, 20, 12, tzinfo=UTC))
FAR_EAST = "Pacific/Kiritimati"  # there it is the next day already
UNKNOWN = "/api/v3/google/gemini-9-vast/text-to-image"


@dataclass(frozen=True)
class Fares:
    """Charges whose state alone does not say what they cost."""

    after_all: str  # released by hand, then charged
    to_nothing: str  # settled, and not on the bill
    given_back: str
    early: str  # bought under the key's first name


def made(path: Path) -> tuple[Fares, str]:
    """Write them; and the secret of the key in the far east."""
    history = History(empty(path))
    far = registry.create_key("far", actor="seed", timezone=FAR_EAST)
    secret = history.store.transact(far).secret
    history.store.transact(registry.create_key("old-name", actor="seed"))
    after_all = history.buy("far", NOON_US, end="uncertain")
    for images, why in ((None, "no such job"), (1, "it was billed")):
        history.run(ByHand(after_all, images, Ground.HAND, why, "finance"))
    to_nothing = history.buy("far", NOON_US + 60_000_000)
    history.run(Bill(to_nothing, 0, "finance", "November"))
    given_back = history.buy("far", NOON_US + 120_000_000, end="released")
    denied = history.buy("far", NOON_US + 150_000_000, end="released")
    history.run(Decide(denied, 1, Ground.ANSWER, "completed"))
    early = history.buy("old-name", NOON_US + 180_000_000)
    history.store.transact(registry.set_key("old-name", {"name": "new-name"}, actor="seed"))
    history.store.transact(registry.create_key("old-name", actor="seed"))
    history.store.session.close()
    return Fares(after_all, to_nothing, given_back, early), secret


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[House, Fares]]:
    path = tmp_path_factory.mktemp("shown") / "f.db"
    fares, secret = made(path)
    with serving(path, FAREBOX_UNPRICED="relay") as house:
        house.secrets["far"] = secret
        yield house, fares


def row(page: str, charge_id: str) -> str:
    """Cut a charge's row out of a list."""
    found = re.search(rf'<tr>(?:(?!</tr>).)*id="c-{charge_id}".*?</tr>', page, re.DOTALL)
    assert found, "it is not listed"
    return found[0]


def lead(page: str) -> tuple[str, str]:
    """Read the first figure of a charge's story: what it is, and how much."""
    found = re.search(r'<div class="figure lead"><dt>(.*?)</dt><dd>(.*?)</dd>', page)
    assert found
    return found[1], re.sub(r"<.*?>", "", found[2])


def figure(page: str, name: str) -> str:
    found = re.search(rf"<dt>{name}.*?</dt><dd>(.*?)</dd>", page)
    assert found
    return re.sub(r"<.*?>", "", found[1])


def test_a_fare_that_was_released_and_paid_is_shown_as_paid(
    written: tuple[House, Fares],
) -> None:
    house, fares = written
    with house.admin() as admin:
        listed = admin.get("/charges").text
        assert "cost-released" not in row(listed, fares.after_all)
        assert "cost-released" in row(listed, fares.given_back)
        assert lead(admin.get(f"/charges/{fares.after_all}").text)[0] == "Charged after all"
        assert lead(admin.get(f"/charges/{fares.given_back}").text)[0] == "Given back"


def test_a_fare_that_was_put_at_nothing_has_no_images(written: tuple[House, Fares]) -> None:
    house, fares = written
    with house.admin() as admin:
        told = admin.get(f"/charges/{fares.to_nothing}").text
        listed = row(admin.get("/charges").text, fares.to_nothing)
    assert lead(told) == ("Settled", "0.000000")
    assert figure(told, "Images") == "0"
    assert '<td class="num col-images">0</td>' in listed


def test_what_has_no_price_is_nowhere_shown_as_0(written: tuple[House, Fares]) -> None:
    house, _ = written
    bought = house.call(house.secrets["far"], UNKNOWN + "?standin:reset")
    assert bought.headers["x-farebox-charge-state"] == "uncertain"
    charge_id = bought.headers["x-farebox-charge-id"]
    with house.admin() as admin:
        told = admin.get(f"/charges/{charge_id}").text
        doubts = admin.get("/uncertain").text
    assert (figure(told, "Reserved"), figure(told, "Per image")) == ("unpriced", "unpriced")
    assert lead(told) == ("Held", "unpriced")
    for page in (told, doubts):
        assert ">0.00<" not in page


def test_what_is_counted_is_not_shown_as_money(written: tuple[House, Fares]) -> None:
    house, _ = written
    with house.admin() as admin:
        page = admin.get("/health").text
    assert figure(page, "Contradictions") == "1"
    assert re.fullmatch(r"0\.\d{6}", figure(page, "Corrections, up"))


def test_charges_are_found_by_the_key_they_are_of_whatever_it_was_called(
    written: tuple[House, Fares],
) -> None:
    house, fares = written
    with house.admin() as admin:
        assert row(admin.get("/charges?key=new-name").text, fares.early)
        assert "No charge fits" in admin.get("/charges?key=old-name").text, "another key's"


def test_a_key_filters_by_its_own_days(written: tuple[House, Fares]) -> None:
    house, fares = written
    with house.client() as client:
        log_in(client, house.secrets["far"])
        assert row(client.get("/my?day=2026-11-21").text, fares.to_nothing)
        assert "No charge fits" in client.get("/my?day=2026-11-20").text
