"""Every report says on PostgreSQL what it says on SQLite, over the same traffic."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from proxy.ledger.registry import create_key
from proxy.ledger.store import Store
from proxy.ledger.verify import verify
from proxy.reports import advise, exports, reconcile, spend
from proxy.reports.forecast import forecast
from proxy.reports.periods import month
from proxy.reports.reconcile import Asked
from proxy.reports.spend import Question, UnknownGrouping, groupings
from tests.postgres import Postgres, postgres
from tests.reports.billing import plant, write
from tests.reports.seeding import DECEMBER_US, HOUR_US, Traffic, open_store

__all__ = ["postgres"]  # a fixture

CALLS = 1_200
BERLIN = month("2026-11", "Europe/Berlin")


@pytest.fixture(scope="module")
def both(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Store]]:
    url = postgres.create()
    stores = [open_store(tmp_path_factory.mktemp("both") / "farebox.db"), open_store(url)]
    for store in stores:
        Traffic(store).run(CALLS)
    yield stores
    for store in stores:
        store.session.close()
    postgres.drop(url)


def alike(both: list[Store], ask: Any) -> Any:
    found = []
    for store in both:
        with store.session.snapshot():
            found.append(ask(store.session))
    assert found[0] == found[1]
    assert found[0]
    return found[0]


@pytest.mark.parametrize("by", ["", "team,model", "day,tag:project", "month,key,version,task"])
def test_spend_is_the_same(both: list[Store], by: str) -> None:
    question = Question(groupings(by), BERLIN)
    alike(both, lambda session: sorted(spend.rows(session, question)))


def test_a_tag_that_nobody_ever_used_is_refused(both: list[Store]) -> None:
    for store in both:
        session = store.session
        spend.refuse_strange_tags(session, ("team", "tag:project", "tag:later"), ("later",))
        with pytest.raises(UnknownGrouping, match=r"no call has a tag 'nope'; .* later"):
            spend.refuse_strange_tags(session, ("tag:nope",), ("later",))
        store.transact(create_key("tagged", actor="test", tags={"nope": "1"}))
        spend.refuse_strange_tags(session, ("tag:nope",), ())


def test_pages_are_the_same_report(both: list[Store], monkeypatch: pytest.MonkeyPatch) -> None:
    question = Question(("day", "model"), BERLIN)
    whole = alike(both, lambda session: sorted(spend.rows(session, question)))
    monkeypatch.setattr(spend, "PAGE_ROWS", 11)
    assert alike(both, lambda session: sorted(spend.rows(session, question))) == whole


@pytest.mark.parametrize("grain", ["charge", "day"])
def test_a_month_is_the_same(both: list[Store], grain: exports.Grain) -> None:
    def facts(session: Any) -> list[Any]:
        found = exports.rows(session, exports.find(session, "2026-11", grain))
        return sorted(str(row) for row in found)

    assert len(alike(both, facts)) > CALLS // 2


def test_advice_waste_and_forecast_are_the_same(both: list[Store]) -> None:
    def facts(session: Any) -> list[Any]:
        advice = [each.facts() for each in advise.advise(session, BERLIN)]
        return [advice, advise.waste(session, BERLIN), forecast(session, "Europe/Berlin")]

    advice, waste, future = alike(both, facts)
    assert advice
    assert waste
    assert future


def test_a_statement_is_reconciled_and_applied_the_same(both: list[Store], tmp_path: Path) -> None:
    """Last: it changes both."""
    with both[0].session.snapshot():
        planted = plant(both[0].session)
    bill = write(tmp_path / "bill.csv", planted.bill)
    sums = []
    for store in both:
        store.session.at_us = DECEMBER_US + HOUR_US  # type: ignore[attr-defined]
        with store.session.snapshot(), reconcile.reconciled(store.session, Asked(bill)) as found:
            facts = sorted(str(each.facts()) for each in found.findings())
            summary = found.summary
            bills = [reconcile.bill(each, summary) for each in found.findings() if each.can_apply]
        store.commit(bills)
        reconcile.record(store, summary, actor="ann")
        assert verify(store.session) == []
        total = spend.total(store.session, month("2026-11"))
        sums.append((facts, summary.facts(), total, reconcile.past(store.session)[0]["sha256"]))
    assert sums[0] == sums[1]
