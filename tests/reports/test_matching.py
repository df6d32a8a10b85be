"""Which lines without an id are a charge's, and which lines move nothing."""

from dataclasses import replace
from pathlib import Path

import pytest

from proxy.ledger.session import Session
from tests.reports.billing import Billed, true_bill, write
from tests.reports.test_reconcile import by_category, compared

SECOND_US = 1_000_000
ADMITTED_US = -3 * SECOND_US  # of a line of `true_bill`: it bills three seconds after admission


@pytest.mark.parametrize(
    ("seconds", "matched"), [(-61, False), (-59, True), (899, True), (901, False)]
)
def test_a_line_without_an_id_lies_within_a_quarter_hour_behind_its_charge(
    seeded_month: Path, reading: Session, tmp_path: Path, seconds: int, *, matched: bool
) -> None:
    first, *rest = true_bill(reading)
    at_us = first.at_us + ADMITTED_US + seconds * SECOND_US
    bill = [replace(first, prediction_id="", at_us=at_us), *rest]
    with compared(seeded_month, write(tmp_path / "bill.csv", bill)) as found:
        told = by_category(found.findings())
    apart = {"only_theirs": {""}, "only_ours": {first.prediction_id}}
    assert told == ({} if matched else apart)


def test_a_line_with_another_id_is_not_taken_for_a_charge_alike(
    seeded_month: Path, reading: Session, tmp_path: Path
) -> None:
    first, *rest = true_bill(reading)
    bill = [replace(first, prediction_id="somebody-elses"), *rest]
    with compared(seeded_month, write(tmp_path / "bill.csv", bill)) as found:
        told = by_category(found.findings())
    assert told == {"only_theirs": {"somebody-elses"}, "only_ours": {first.prediction_id}}


def test_a_line_of_nothing_is_no_finding(
    seeded_month: Path, reading: Session, tmp_path: Path
) -> None:
    bill = true_bill(reading)
    free = Billed("failed-and-free", bill[9].at_us, bill[9].model, 0)
    with compared(seeded_month, write(tmp_path / "bill.csv", [*bill, free])) as found:
        assert list(found.findings()) == []


def test_a_refund_beyond_its_charge_is_told_and_not_applied(
    seeded_month: Path, reading: Session, tmp_path: Path
) -> None:
    bill = true_bill(reading)
    back = replace(bill[9], micros=-2 * bill[9].micros)
    with compared(seeded_month, write(tmp_path / "bill.csv", [*bill, back])) as found:
        (finding,) = found.findings()
    assert (finding.theirs_micros, finding.can_apply) == (-bill[9].micros, False)
