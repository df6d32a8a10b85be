"""Which table prices an order, also when a new one comes while the order is on its way."""

from datetime import UTC, datetime, timedelta

import pytest

from pricing import Order, PriceBook, PriceTable, load_table
from proxy.errors import UnknownPrice
from proxy.instants import epoch_us, instant, local
from proxy.prices import Priced, Prices

START = datetime(2026, 1, 1, tzinfo=UTC)
START_US = epoch_us(START)
DAY_US = 86_400_000_000
ORDER = Order("path", ("vendor", "banana", "edit"), n=3)


def table(version: str, days: int, models: str) -> PriceTable:
    begins = (START + timedelta(days=days)).isoformat()
    return load_table(f'version = "{version}"\neffective_from = {begins}\n{models}', name=version)


def banana(usd: str) -> str:
    return f'[models.banana]\nimages = "one"\nprices = {{ any = {{ usd = "{usd}" }} }}\n'


OLD = table("old", 0, banana("0.01"))
NEW = table("new", 10, banana("0.02"))
LAST = table("last", 20, '[models.banana]\nunpriced = "relay"\ncomplete = false\n')
BOOK = PriceBook([LAST, OLD, NEW])
SHORT = PriceBook([OLD, table("gone", 10, "complete = false\n")])


@pytest.mark.parametrize("first", [0, 9, 10, 15, 30])
@pytest.mark.parametrize(
    ("at_us", "version"),
    [
        (START_US, "old"),
        (START_US + 10 * DAY_US - 1, "old"),
        (START_US + 10 * DAY_US, "new"),
        (START_US + 20 * DAY_US - 1, "new"),
        (START_US + 20 * DAY_US, "last"),
        (START_US + 10_000 * DAY_US, "last"),
    ],
)
def test_the_table_in_force_is_found_whichever_was_asked_for_before(
    first: int, at_us: int, version: str
) -> None:
    prices = Prices(BOOK, relay_unpriced=False)
    prices.at(START_US + first * DAY_US)
    assert prices.at(at_us).version == version


def test_another_book_counts_at_once() -> None:
    prices = Prices(PriceBook([OLD]), relay_unpriced=False)
    assert prices.at(START_US + 15 * DAY_US) is OLD
    prices.replace(BOOK)
    assert prices.book is BOOK
    assert prices.at(START_US + 15 * DAY_US) is NEW


def test_what_has_no_price_is_refused_unless_the_operator_lets_it_pass() -> None:
    unheard = Order("path", ("vendor", "bananna", "edit"))
    with pytest.raises(UnknownPrice) as refused:
        Prices(BOOK, relay_unpriced=False).quote(unheard, START_US)
    assert "bananna" in refused.value.message
    assert "banana" in refused.value.message.replace("bananna", "")
    assert Prices(BOOK, relay_unpriced=True).quote(unheard, START_US) is None


HALF = table(
    "half",
    0,
    """[models.hup-model]
complete = false
prices = { "1K" = { usd = "0.1" }, "2K" = { usd = "0.2" } }
""",
)


@pytest.mark.parametrize(
    ("model", "size", "words"),
    [
        ("hup-model", "4K", "has no price at '4K' in version half, only at 1K, 2K."),
        ("hup-modell", "1K", "is not in the table. Nearest known model: 'hup-model'."),
        ("nonsense", "1K", "is not in the table. Nearest known model: 'hup-model'."),
    ],
)
def test_a_refusal_says_what_has_no_price_and_names_no_model_as_its_own_nearest(
    model: str, size: str, words: str
) -> None:
    order = Order("path", ("vendor", model, "text-to-image"), size=size)
    with pytest.raises(UnknownPrice) as refused:
        Prices(PriceBook([HALF]), relay_unpriced=False).quote(order, START_US)
    assert refused.value.message == f"No price is known for '{model}': it {words}"
    assert refused.value.details == {"model": model, "nearest": "hup-model"}


@pytest.mark.parametrize("relays", [True, False])
def test_the_table_may_let_a_model_pass_itself(*, relays: bool) -> None:
    prices = Prices(BOOK, relay_unpriced=relays)
    assert prices.quote(ORDER, START_US + 20 * DAY_US) is None


@pytest.mark.parametrize(
    ("counting", "images", "mode"),
    [
        (frozenset(), 1, "one"),
        (frozenset({("old", "banana")}), 3, "n"),
        (frozenset({("new", "banana"), ("old", "apple")}), 1, "one"),
    ],
)
def test_a_model_seen_to_sell_more_is_reserved_as_many_as_asked(
    counting: frozenset[tuple[str, str]], images: int, mode: str
) -> None:
    assert Prices(BOOK, relay_unpriced=False).counting == frozenset()
    found = Prices(BOOK, relay_unpriced=False, counting=counting).quote(ORDER, START_US)
    assert found is not None
    assert (found.images, found.images_mode, found.price_micros) == (images, mode, images * 10_000)


@pytest.mark.parametrize(
    ("book", "days", "micros"),
    [
        pytest.param(BOOK, 9, 10_000, id="the same table"),
        pytest.param(BOOK, 10, 20_000, id="a new one has begun"),
        pytest.param(BOOK, 20, None, id="a new one lets it pass"),
        pytest.param(SHORT, 10, 10_000, id="a new one does not know it"),
    ],
)
def test_the_price_is_that_of_the_instant_of_admission(
    book: PriceBook, days: int, micros: int | None
) -> None:
    prices = Prices(book, relay_unpriced=False)
    priced = Priced(prices, ORDER, prices.quote(ORDER, START_US))
    found = priced(START_US + days * DAY_US)
    assert (found and found.price_micros) == micros
    if days == 9:
        assert found is priced.quote


def test_a_version_that_was_replaced_prices_again() -> None:
    prices = Prices(PriceBook([OLD]), relay_unpriced=False)
    priced = Priced(prices, ORDER, prices.quote(ORDER, START_US))
    prices.replace(PriceBook([table("old", 0, banana("0.03")), NEW]))
    found = priced(START_US)
    assert found is not None
    assert (found.version, found.price_micros) == ("old", 30_000)
    assert found.sha256 == prices.sha256s["old"] != OLD.sha256
    assert prices.sha256s["new"] == NEW.sha256


def test_what_was_quoted_before_a_model_sold_more_is_quoted_again() -> None:
    prices = Prices(BOOK, relay_unpriced=False)
    priced = Priced(prices, ORDER, prices.quote(ORDER, START_US))
    unread = Priced(prices, ORDER._replace(n="x"), priced.quote)
    prices.counting |= {("old", "banana")}
    found = priced(START_US)
    assert found is not None
    assert (found.images, found.price_micros) == (3, 30_000)
    assert priced(START_US) == found
    assert unread(START_US) is priced.quote  # the ledger does not take it


def test_what_passed_unpriced_stays_so() -> None:
    prices = Prices(PriceBook([OLD]), relay_unpriced=True)
    assert Priced(prices, ORDER, None)(START_US) is None


@pytest.mark.parametrize(
    ("moment", "at_us"),
    [
        (datetime(1970, 1, 1, tzinfo=UTC), 0),
        (datetime(1970, 1, 2, 0, 0, 1, 7, tzinfo=UTC), DAY_US + 1_000_007),
        (datetime.fromisoformat("1970-01-01T02:00:00.000001+02:00"), 1),
        (datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC), -1),
    ],
)
def test_an_instant_is_microseconds_since_1970(moment: datetime, at_us: int) -> None:
    assert epoch_us(moment) == at_us
    assert instant(at_us) == moment
    assert instant(at_us).tzinfo is UTC


def test_people_read_an_instant_in_their_zone() -> None:
    assert local(0, "Asia/Tokyo").isoformat() == "1970-01-01T09:00:00+09:00"
