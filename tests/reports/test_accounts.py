"""Several keys of the upstream's: the bill of one says nothing about what another one bought."""

from collections.abc import Callable
from dataclasses import replace
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

SAME = "handed-out-by-both"
LAST = date(2026, 11, 30)


class AnotherAccount(Traffic):
    """The same calls, paid for with another key."""

    def _reserve(self, at_us: int) -> Reserve:
        reserve = super()._reserve(at_us)
        reserve.account = "theirs"
        return reserve

    named = ""

    def _accept(self, reserve: Reserve) -> Accept:
        return Accept(reserve.charge_id, "theirs", self.named or f"pred-{reserve.charge_id[3:]}")

    def _decide(self, reserve: Reserve) -> Decide:
        return Decide(reserve.charge_id, 1, Ground.ANSWER)


@pytest.fixture
def theirs(month_db: Path, reopened: Callable[[Path, int], Store]) -> Billed:
    """One call in the last hour of the month that another account bought."""
    store = reopened(month_db, DECEMBER_US)
    AnotherAccount(store, seed=2).batch(1, DECEMBER_US - HOUR_US)
    rows = store.session.rows(
        "SELECT prediction_id,admitted_us+3000000,model,settled_micros FROM charges"
        " WHERE account='theirs' AND settled_micros>0 AND prediction_id<>?",
        (SAME,),
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


class SameIds(AnotherAccount):
    """One account hands out an id that the other one handed out as well."""

    named = SAME


class OursToo(SameIds):
    """The first account's call under that id."""

    def _reserve(self, at_us: int) -> Reserve:
        reserve = super()._reserve(at_us)
        reserve.account = "ours"
        return reserve

    def _accept(self, reserve: Reserve) -> Accept:
        return Accept(reserve.charge_id, "ours", SAME)


@pytest.fixture
def both(month_db: Path, reopened: Callable[[Path, int], Store]) -> dict[str, Billed]:
    """Two calls of one prediction id, the other account's with the lower charge id."""
    store = reopened(month_db, DECEMBER_US)
    SameIds(store, seed=0).batch(1, DECEMBER_US - HOUR_US)
    OursToo(store, seed=3).batch(1, DECEMBER_US - HOUR_US)
    rows = store.session.rows(
        "SELECT account,admitted_us+3000000,model,settled_micros,id FROM charges"
        " WHERE prediction_id=?",
        (SAME,),
    )
    return {account: Billed(SAME, *facts) for account, *facts in rows}


def test_an_id_of_two_accounts_is_that_of_the_account_that_is_billed(
    month_db: Path, reading: Session, tmp_path: Path, both: dict[str, Billed]
) -> None:
    ours = replace(both["ours"], micros=both["ours"].micros + 1)
    bill = write(tmp_path / "bill.csv", [*true_bill(reading), ours])
    with compared(month_db, bill, last=LAST) as found:
        (finding,) = found.findings()
    assert (finding.charge_id, finding.account) == (ours.charge_id, "ours")


def test_an_id_of_two_accounts_that_are_both_billed_is_said_and_never_applied(
    month_db: Path, reading: Session, tmp_path: Path, both: dict[str, Billed], theirs: Billed
) -> None:
    bill = write(tmp_path / "bill.csv", [*true_bill(reading), theirs, both["theirs"]])
    with compared(month_db, bill, last=LAST) as found:
        (finding,) = found.findings()
        summary = found.summary
    assert (finding.category, finding.charge_id, finding.can_apply) == ("only_theirs", "", False)
    assert "--account" in finding.why
    assert summary.theirs_micros - summary.ours_micros == summary.difference_micros
