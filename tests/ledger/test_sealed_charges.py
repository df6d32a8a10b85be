"""Seals over what of a charge never changes: new ones, beside those of versions without them."""

import pytest

from proxy.directory import Key
from proxy.ledger.registry import keep_own, own_id
from proxy.ledger.seal import next_seal
from proxy.ledger.verify import verify
from proxy.reports.corrections import Bill
from tests.ledger.sealing import STRANGER, chained, found, seal
from tests.ledger.world import ACCOUNT, Clock, Ledger

__all__ = ["chained"]

SEALED = (
    "key_name='x'", "team='x'", "account='x'", "surface='x'", "model='x'", "called='x'",
    "resolution='2K'", "task='x'", "price_version='x'", "price_status='x'", "price_assumed=1",
    "list_unit_micros=300", "tags='[]'", "owner='x'", "body_hash='x'", "refs=1", "aspect='1:1'",
    "shadow=1", "prediction_id='x'", "prediction_id=NULL", "accepted_us=NULL",
)  # fmt: skip


@pytest.mark.parametrize("change", SEALED)
def test_whatever_a_charge_bought_shows_when_it_is_changed(chained: Ledger, change: str) -> None:
    chained.session.run(f"UPDATE charges SET {change} WHERE id='fb_000002'")  # noqa: S608
    assert found(chained) == [("seal 2", "charges")]


def test_what_of_a_charge_may_change_after_sealing_is_not_sealed(
    ledger: Ledger, clock: Clock
) -> None:
    ledger.publish()
    stranger = Key(own_id(STRANGER), "own", own=True, fingerprint=STRANGER)
    fare, late = ledger.reserve(stranger, provisional=True), ledger.reserve(ledger.key())
    ledger.store.transact(keep_own(STRANGER))
    clock.step(minutes=2)
    assert seal(ledger) == 1
    ledger.settle(ledger.accept(fare).fare)
    ledger.doubt(late)
    ledger.settle(late)
    clock.step(minutes=2)
    assert seal(ledger) == 1
    ledger.do(Bill(late.id, 50, "ann", "billed", account=ACCOUNT, prediction_id="told-late"))
    assert ledger.count("charges", "prediction_id='told-late'") == 1
    assert verify(ledger.session) == []


def _by_an_older_version(ledger: Ledger) -> None:
    """Seal as the version before did: without the column, which then has its default."""
    made = next_seal(ledger.session)
    assert made is not None
    row = (made.n, made.from_us, made.to_us, made.entries, made.audits, made.hash)
    ledger.session.run(
        "INSERT INTO seals(n,from_us,to_us,entries,audits,hash) VALUES(?,?,?,?,?,?)", row
    )
    ledger.store.transact(lambda store: store.set_meta("seal", made.head))


def test_seals_of_an_older_version_hold_before_beside_and_after_newer_ones(
    ledger: Ledger, clock: Clock
) -> None:
    ledger.publish()
    key = ledger.key()
    for older in (True, False, True, True, False, False, True):
        ledger.settle(ledger.accept(ledger.reserve(key)).fare)
        clock.step(minutes=2)
        if older:
            _by_an_older_version(ledger)
        else:
            assert seal(ledger) == 1
    assert verify(ledger.session) == []
    ledger.session.run("UPDATE charges SET called='x'")
    covered = [(f"seal {n}", "charges") for n in (2, 5, 6)]
    assert found(ledger) == covered
