"""A ledger with seals over it, and what `verify` says of them."""

import pytest

from proxy.ledger.seal import next_seal, put
from proxy.ledger.verify import verify
from tests.ledger.world import Clock, Ledger

STRANGER = "0123456789abcdef"


def seal(ledger: Ledger) -> int:
    """Seal all that can be sealed; how many seals that made."""
    made = 0
    while (found := next_seal(ledger.session)) is not None:
        assert ledger.store.transact(put(found))
        made += 1
    return made


def found(ledger: Ledger) -> list[tuple[str, str]]:
    """What `verify` says of the seals: number and what differs."""
    told = [d for d in verify(ledger.session) if "seal" in d.where]
    assert all(d.derived != d.found for d in told)
    return [(d.where.split(" (")[0], d.what) for d in told]


def unlocked(ledger: Ledger) -> None:
    """Take away what keeps entries as they are, as somebody with the file in hand would."""
    on = "" if ledger.session.dialect == "sqlite" else " ON entries"
    for name in ("entries_stay", "entries_remain"):
        ledger.session.run(f"DROP TRIGGER IF EXISTS {name}{on}")


@pytest.fixture
def chained(ledger: Ledger, clock: Clock) -> Ledger:
    """A ledger with three seals over three calls, and a fourth call that is not sealed yet."""
    ledger.publish()
    key = ledger.key()
    for _ in range(3):
        fare = ledger.reserve(key)
        clock.step(seconds=5)
        ledger.accept(fare)
        ledger.settle(fare)
        ledger.set_key(daily_micros=None)
        clock.step(minutes=2)
        assert seal(ledger) == 1
    ledger.settle(ledger.reserve(key))
    unlocked(ledger)
    return ledger
