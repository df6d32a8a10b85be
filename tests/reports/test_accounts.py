"""Several keys of the upstream's: the bill of one says nothing about what another one bought."""

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from proxy.charge import Ground
from proxy.ledger.outcomes import Accept, Decide
from proxy.ledger.reserve import Reserve
from proxy.ledger.session import Session
from proxy.ledger.store import Store
from tests.reports.billing import Billed, true_bill, write
from tests.reports.seeding import DECEMBER_US, HOUR_US, Traffic
from tests.reports.test_reconcile import by_category, compared

LAST = date(2026, 11, 30)


class AnotherAccount(Traffic):
    """The same calls, paid for with another key."""

    def _reserve(self, at_us: int) -> Reserve:
        reserve = super()._reserve(at_us)
        reserve.account = "theirs"
        return reserve

    def _accept(self, reserve: Reserve) -> Accept:
        return Accept(reserve.charge_id, "theirs", f"pred-{reserve.charge_id[3:]}")

    def _decide(self, reserve: Reserve) -> Decide:
        return Decide(reserve.charge_id, 1, Ground.ANSWER)


@pytest.fixture
def theirs(month_db: Path, reopened: Callable[[Path, int], Store]) -> Billed:
    """One call in the last hour of the month that another account bought."""
    store = reopened(month_db, DECEMBER_US)
    AnotherAccount(store, seed=2).batch(1, DECEMBER_US - HOUR_US)
    rows = store.session.rows(
        "SELECT prediction_id,admitted_us+3000000,model,settled_micros FROM charges"
        " WHERE account='theirs' AND settled_micros>0"
    )
    return Billed(*rows[0])


@pytest.mark.parametrize("account", ["", "ours"])
@pytest.mark.usefixtures("theirs")
def test_a_bill_misses_nothing_that_another_account_bought(
    month_db: Path, reading: Session, tmp_path: Path, account: str
) -> None:
    bill = write(tmp_path / "bill.csv", true_bill(reading))
    with compared(month_db, bill, account=account, last=LAST) as found:
        assert list(found.findings()) == []


@pytest.mark.parametrize(("account", "told"), [("", "matched"), ("ours", "only_theirs")])
def test_a_line_is_matched_only_within_the_account_that_is_asked_for(
    month_db: Path, reading: Session, tmp_path: Path, theirs: Billed, account: str, told: str
) -> None:
    bill = write(tmp_path / "bill.csv", [*true_bill(reading), theirs])
    with compared(month_db, bill, account=account, last=LAST) as found:
        left = {} if told == "matched" else {told: {theirs.prediction_id}}
        assert by_category(found.findings()) == left
