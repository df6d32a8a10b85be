"""What calls would have cost, which can move, and where a month is heading."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from proxy.charge import Ground
from proxy.instants import epoch_us
from proxy.ledger import versions
from proxy.ledger.outcomes import Decide
from proxy.ledger.session import Session
from proxy.ledger.store import Store
from proxy.reports import advise, spend, whatif
from proxy.reports.capabilities import Shape, bundled, verdict
from proxy.reports.forecast import forecast
from proxy.reports.periods import month
from proxy.reports.whatif import folded, summed, unit_micros, with_model
from tests.reports.seeding import DECEMBER_US, HOUR_US, NOVEMBER_US, Traffic, open_store

NOVEMBER = month("2026-11")
PRO, FLASH = "gemini-3-pro-image-preview", "gemini-3.1-flash-image-preview"
NANO = "gemini-2.5-flash-image"
MODELS, SWAPS = bundled()


def drawn(ratio: str | None = None) -> Shape:
    return Shape(takes_pictures=False, ratio=ratio)


def sized(size: str, ratio: str | None = None) -> Shape:
    return Shape(takes_pictures=False, ratio=ratio, size=size)


def edited(pictures: int | None = None) -> Shape:
    return Shape(takes_pictures=True, references=pictures)


@pytest.mark.parametrize(
    ("model", "shape", "word"),
    [
        pytest.param(FLASH, drawn(), "yes", id="no pictures"),
        pytest.param(FLASH, edited(4), "yes", id="four may be portraits"),
        pytest.param(FLASH, edited(5), "ask", id="five portraits are one too many"),
        pytest.param(FLASH, edited(10), "ask", id="ten may be things"),
        pytest.param(FLASH, edited(15), "no", id="fifteen are too many"),
        pytest.param(FLASH, edited(), "ask", id="nobody counted"),
        pytest.param(FLASH, drawn(ratio="8:1"), "yes", id="a ratio it has"),
        pytest.param(PRO, drawn(ratio="8:1"), "no", id="a ratio it lacks"),
        pytest.param(PRO, edited(5), "yes", id="five portraits are what it keeps"),
        pytest.param(PRO, edited(7), "ask", id="seven things are one too many"),
        pytest.param(NANO, edited(4), "no", id="it takes three"),
        pytest.param(NANO, sized("1k"), "yes", id="what every model makes"),
        pytest.param(NANO, sized("4K"), "no", id="larger than it makes"),
        pytest.param(NANO, sized("2048x2048"), "ask", id="nobody knows how large that is"),
        pytest.param(NANO, sized("2048x2048", "8:1"), "no", id="what is known counts first"),
    ],
)
def test_a_call_moves_only_where_the_other_model_takes_it(
    model: str, shape: Shape, word: str
) -> None:
    assert verdict(shape, MODELS[model]).word == word


def test_every_fact_about_a_model_names_its_source() -> None:
    assert all(takes.source for takes in MODELS.values())
    assert all(swap.caveats for swap in SWAPS)


@pytest.mark.parametrize(
    ("model", "resolution", "task", "micros"),
    [
        (FLASH, "1K", "text-to-image", 40_200),
        (FLASH, "1k", "text-to-image", 40_200),
        (PRO, "0.5K", "text-to-image", None),
        ("gemini-2.5-flash-image", "4K", "text-to-image", 23_400),
        (FLASH, "any", "text-to-image", 40_200),
        ("viduq2", "1080p", "image-edit", 40_000),
        ("nobody", "1K", "text-to-image", None),
    ],
)
def test_another_models_price_is_found_where_it_sells_the_resolution(
    reading: Session, model: str, resolution: str, task: str, micros: int | None
) -> None:
    table = versions.book(reading).version("2026-09-25")
    assert unit_micros(table, model, resolution, task) == micros


def test_a_period_at_its_own_prices_would_have_cost_what_it_did(reading: Session) -> None:
    book, calls = versions.book(reading), whatif.made(reading, NOVEMBER)
    for version in ("2026-09-25", "2026-11-16"):
        mine = [c for c in calls if c.version == version]
        total = summed(list(whatif.at_version(mine, book.version(version), book)), NOVEMBER)
        assert (total.saved_micros, total.fixed_calls) == (0, 0)
        assert total.spend_micros > 0


def test_pro_on_nano_banana_2_saves_half_at_1k_and_less_above(reading: Session) -> None:
    advice = next(a for a in advise.advise(reading, NOVEMBER) if a.change == f"{PRO} -> {FLASH}")
    old = [c for c in advice.calls if c.made.version == "2026-09-25"]
    ratios = {c.made.resolution: c.made.micros / (c.micros or 1) for c in old}
    assert {name: round(ratio, 1) for name, ratio in ratios.items()} == {
        "1K": 2.0,
        "2K": pytest.approx(1.4, abs=0.1),
        "4K": 1.6,
    }
    assert advice.sum.asked_micros > 0  # edits: nobody counted their pictures
    assert any("typography" in caveat for caveat in advice.caveats)


@pytest.mark.parametrize(
    ("facts", "word"),
    [
        pytest.param((3, ""), "yes", id="pictures it takes"),
        pytest.param((5, ""), "ask", id="five may be portraits"),
        pytest.param((15, ""), "no", id="more pictures than it takes"),
        pytest.param((1, "16:9"), "yes", id="a ratio it has"),
        pytest.param((1, "7:3"), "no", id="a ratio it lacks"),
        pytest.param((0, ""), "ask", id="from before they were counted"),
    ],
)
def test_an_edit_moves_by_what_was_kept_of_its_shape(
    month_db: Path, reopened: Callable[..., Store], facts: tuple[int, str], word: str
) -> None:
    session = reopened(month_db, DECEMBER_US).session
    edited = "UPDATE charges SET refs=?,aspect=? WHERE model=? AND task='image-edit'"
    session.run(edited, (*facts, PRO))
    calls = whatif.made(session, NOVEMBER)
    found = folded(list(with_model(calls, PRO, FLASH, versions.book(session), MODELS)))
    edits = [each for each in found if each.made.task == "image-edit"]
    assert {each.verdict.word for each in edits} == {word}
    assert sum(each.made.calls for each in found) == sum(c.calls for c in calls if c.model == PRO)


@pytest.mark.parametrize(
    ("to", "words"),
    [
        pytest.param(NANO, {"1K": "yes", "2K": "no", "4K": "no"}, id="makes 1K at most"),
        pytest.param("qwen-image", {"1K": "yes", "2K": "ask", "4K": "ask"}, id="is not known"),
        pytest.param(FLASH, {"1K": "yes", "2K": "yes", "4K": "yes"}, id="sells each size"),
    ],
)
def test_one_price_for_all_sizes_is_no_promise_to_make_them(
    reading: Session, to: str, words: dict[str, str]
) -> None:
    calls = [c for c in whatif.made(reading, NOVEMBER) if c.task == "text-to-image"]
    found = folded(list(with_model(calls, PRO, to, versions.book(reading), MODELS)))
    assert {each.made.resolution: each.verdict.word for each in found} == words


def test_4k_that_could_be_2k_is_asked_not_assumed(reading: Session) -> None:
    advice = next(a for a in advise.advise(reading, NOVEMBER) if a.change == "4K -> 2K")
    assert advice.sum.saved_micros == 0
    assert advice.sum.asked_micros == sum(c.saved_micros for c in advice.calls)


def test_failed_and_repeated_calls_are_counted(month_db: Path, reopened: Callable) -> None:
    session = reopened(month_db, DECEMBER_US).session
    ids = session.rows(
        "SELECT id FROM charges WHERE model=? AND state='settled' AND team='brand'"
        " AND settled_micros=40200 LIMIT 3",
        (FLASH,),
    )
    for (charge_id,) in ids:
        session.run("UPDATE charges SET body_hash='same' WHERE id=?", (charge_id,))
    wasted = advise.waste(session, NOVEMBER)
    repeated = [(w.team, w.calls, w.micros) for w in wasted if w.kind == "repeated"]
    assert repeated == [("brand", len(ids) - 1, 40_200 * (len(ids) - 1))]
    failed = sum(w.calls for w in wasted if w.kind == "failed")
    assert failed == session.rows("SELECT count(*) FROM charges WHERE state='released'")[0][0]


def test_a_fare_that_was_released_and_charged_later_counts_as_paid(
    month_db: Path, reopened: Callable[..., Store]
) -> None:
    store = reopened(month_db, DECEMBER_US)
    session = store.session
    failed = sum(w.calls for w in advise.waste(session, NOVEMBER) if w.kind == "failed")
    ids = [i for (i,) in session.rows("SELECT id FROM charges WHERE state='released' LIMIT 2")]
    for done in store.commit([Decide(i, 1, Ground.ANSWER, "completed") for i in ids]):
        assert done.changed
        assert (done.fare.state, done.fare.settled_micros > 0) == ("released", True)
        session.run("UPDATE charges SET body_hash='same' WHERE id=?", (done.fare.id,))
        session.run("UPDATE charges SET team='t',model='m' WHERE id=?", (done.fare.id,))
    calls = whatif.made(session, NOVEMBER)
    assert sum(call.micros for call in calls) == spend.total(session, NOVEMBER).spend_micros
    wasted = advise.waste(session, NOVEMBER)
    assert sum(w.calls for w in wasted if w.kind == "failed") == failed - 2
    assert [(w.team, w.calls) for w in wasted if w.kind == "repeated"] == [("t", 1)]


@pytest.fixture
def steady(tmp_path: Path) -> Iterator[Store]:
    """A ledger with ten even days behind it, at noon of the eleventh."""
    store = open_store(tmp_path / "f.db")
    traffic = Traffic(store)
    traffic.menu = traffic.menu[:1]
    for hour in range(10 * 24 + 12):
        traffic.batch(5, NOVEMBER_US + hour * HOUR_US)
    store.session.at_us = epoch_us(datetime(2026, 11, 11, 12, 0, tzinfo=UTC))  # type: ignore[attr-defined]
    yield store
    store.session.close()


def test_an_even_day_is_forecast_to_go_on_evenly(steady: Store) -> None:
    found = {(f.scope, f.name, f.window): f for f in forecast(steady.session, "UTC")}
    day, whole = found["installation", "*", "day"], found["installation", "*", "month"]
    assert day.forecast_micros == pytest.approx(2 * day.spent_micros, rel=0.1)
    assert whole.forecast_micros == pytest.approx(day.forecast_micros * 30, rel=0.1)
    keys = sum(
        f.forecast_micros for (scope, _, w), f in found.items() if (scope, w) == ("key", "day")
    )
    assert keys == pytest.approx(day.forecast_micros, abs=len(found))


def test_an_empty_ledger_forecasts_nothing(tmp_path: Path) -> None:
    store = open_store(tmp_path / "f.db")
    assert forecast(store.session, "UTC") == []
    store.session.close()
