"""Seals: what was written is chained after the fact, and whatever is changed since then shows."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from proxy.ledger import seal as sealing
from proxy.ledger.fare import Fare
from proxy.ledger.registry import audit, keep_own, own_id
from proxy.ledger.seal import Broken, Sealer, next_seal, put, seals
from proxy.ledger.store import Store
from proxy.ledger.verify import sealed, verify
from proxy.ledger.writer import Writer
from tests.ledger.sealing import STRANGER, chained, found, seal
from tests.ledger.world import Clock, Ledger

__all__ = ["chained"]

FLIP = (
    "UPDATE seals SET hash=substr(hash,1,63)||CASE substr(hash,64) WHEN '0' THEN '1' ELSE '0' END"
)


def test_what_was_written_is_sealed_and_verified(chained: Ledger, clock: Clock) -> None:
    assert verify(chained.session) == []
    assert sealed(chained.session)[0] == 3
    assert [s.entries for s in seals(chained.session)] == [3, 3, 3]
    assert sum(s.audits for s in seals(chained.session)) == chained.count("audit")
    clock.step(minutes=2)
    assert seal(chained) == 1
    assert sum(s.entries for s in seals(chained.session)) == chained.count("entries")
    assert seal(chained) == 0


def tamper(ledger: Ledger, statement: str) -> None:
    ledger.session.run(statement.replace("SECOND", "charge_id='fb_000002'"))


TAMPERED = {
    "a byte of an entry": (
        "UPDATE entries SET why='complEted' WHERE SECOND AND kind='settle'", [("seal 2", "hash")],
    ),
    "its instant": (
        "UPDATE entries SET at_us=at_us+1 WHERE SECOND AND seq=2", [("seal 2", "hash")],
    ),
    "an entry removed": (
        "DELETE FROM entries WHERE SECOND AND seq=3",
        [("seal 2", "entries"), ("seal 2", "hash"), ("seal 2", "charges")],
    ),
    "a byte of the audit": (
        "UPDATE audit SET actor='tesT' WHERE id=1", [("seal 1", "hash")],
    ),
    "a row of the audit removed": (
        "DELETE FROM audit WHERE id=1", [("seal 1", "audit rows"), ("seal 1", "hash")],
    ),
    "a seal removed": ("DELETE FROM seals WHERE n=2", [("seal 2", "missing")]),
    "the last seal": ("DELETE FROM seals WHERE n=3", [("last seal", "number")]),
    "every seal": ("DELETE FROM seals", [("last seal", "number")]),
    "a hash": (f"{FLIP} WHERE n=2", [("seal 2", "hash"), ("seal 3", "hash")]),
    "the last": (f"{FLIP} WHERE n=3", [("seal 3", "hash"), ("last seal", "hash")]),
    "no hash at all": (
        "UPDATE seals SET hash='none' WHERE n=3", [("seal 3", "hash"), ("last seal", "hash")],
    ),
    "where a seal begins": (
        "UPDATE seals SET from_us=from_us+1 WHERE n=2", [("seal 2", "from_us")],
    ),
    "a hash over charges": (
        f"{FLIP.replace('hash', 'fares')} WHERE n=2",
        [("seal 2", "charges"), ("seal 3", "charges")],
    ),
    "the last over charges": (
        f"{FLIP.replace('hash', 'fares')} WHERE n=3",
        [("seal 3", "charges"), ("last seal", "charges")],
    ),
    "a hash over charges removed": ("UPDATE seals SET fares='' WHERE n=2", [("seal 3", "charges")]),
    "every one of them": ("UPDATE seals SET fares=''", [("last seal", "charges")]),
    "the name of the last seal": (
        "UPDATE meta SET value='9:' WHERE name='seal'", [("last seal", "number")],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("statement", "told"), TAMPERED.values(), ids=TAMPERED)
def test_whatever_is_changed_after_sealing_shows_and_where(
    chained: Ledger, statement: str, told: list[tuple[str, str]]
) -> None:
    tamper(chained, statement)
    assert found(chained) == told


def test_an_entry_put_into_a_sealed_span_shows(chained: Ledger, clock: Clock) -> None:
    clock.step(minutes=-6)
    chained.store.transact(lambda store: audit(store, "nobody", "key.set", "web", "", ""))
    assert ("audit rows") in {what for _, what in found(chained)}


def test_a_text_that_is_none_any_more_shows(chained: Ledger) -> None:
    if chained.session.dialect == "sqlite":  # a server would not take it
        tamper(chained, "UPDATE entries SET why=CAST(x'ff' AS TEXT) WHERE SECOND")
        assert found(chained) == [("seal 2", "readable")]


def test_what_is_newer_than_a_minute_is_not_sealed(ledger: Ledger, clock: Clock) -> None:
    fare = ledger.reserve(ledger.key())
    clock.step(seconds=59)
    assert seal(ledger) == 0
    clock.step(seconds=2)
    ledger.settle(fare)
    assert seal(ledger) == 1
    (only,) = seals(ledger.session)
    assert only.entries == 1


def _kept(ledger: Ledger, _: Fare) -> None:
    ledger.store.transact(keep_own(STRANGER))


@pytest.mark.parametrize(
    ("end", "entries"),
    [
        pytest.param(lambda ledger, fare: ledger.purge(fare), 1, id="forgotten"),
        pytest.param(_kept, 2, id="kept"),
        pytest.param(lambda ledger, fare: ledger.settle(fare), 3, id="decided"),
    ],
)
def test_nothing_is_sealed_that_may_still_be_forgotten(
    ledger: Ledger, clock: Clock, end: Callable[[Ledger, Fare], None], entries: int
) -> None:
    key = ledger.key()
    clock.step(minutes=3)
    own = replace(key, id=own_id(STRANGER), name="own", own=True, fingerprint=STRANGER)
    fare = ledger.reserve(own, provisional=True)
    clock.step(minutes=3)
    ledger.reserve(key)
    clock.step(minutes=3)
    assert seal(ledger) == 1  # what lies before it
    end(ledger, fare)
    clock.step(minutes=3)
    seal(ledger)
    assert sum(s.entries for s in seals(ledger.session)) == entries
    assert found(ledger) == []


def test_two_that_seal_at_once_make_one_seal(chained: Ledger, clock: Clock) -> None:
    clock.step(minutes=2)
    other = chained.another()
    mine, theirs = next_seal(chained.session), next_seal(other.session)
    assert mine is not None
    assert mine == theirs
    assert [chained.store.transact(put(mine)), other.store.transact(put(mine))] == [True, False]
    other.close()
    assert found(chained) == []


def test_a_seal_is_not_written_over_a_span_that_was_added_to(chained: Ledger, clock: Clock) -> None:
    key = chained.store.directory.keys[next(iter(chained.store.directory.keys))]
    clock.step(minutes=2)
    stale = next_seal(chained.session)
    assert stale is not None
    clock.step(minutes=-2)
    chained.reserve(key)  # by a process that slept in the middle of its commit
    assert not chained.store.transact(put(stale))
    clock.step(minutes=2)
    assert seal(chained) == 1
    assert found(chained) == []


def test_a_broken_chain_is_not_gone_on_with(chained: Ledger, clock: Clock) -> None:
    clock.step(minutes=2)
    chained.session.run("DELETE FROM seals WHERE n=3")
    with pytest.raises(Broken):
        next_seal(chained.session)


def test_a_long_span_is_sealed_in_pieces_that_end_with_an_instant(
    ledger: Ledger, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sealing, "ENTRIES_MAX", 4)
    key = ledger.key()
    for _ in range(4):
        for _ in range(3):
            ledger.reserve(key)
        clock.step(seconds=1)
    clock.step(minutes=2)
    assert seal(ledger) == 2
    assert [s.entries for s in seals(ledger.session)] == [6, 6]
    assert found(ledger) == []


async def test_the_sealer_seals_by_itself(
    ledger: Ledger, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sealing, "EVERY_S", 0.01)
    clock.step(hours=-1)
    ledger.settle(ledger.reserve(ledger.key()))
    ready, loop = asyncio.Event(), asyncio.get_running_loop()
    writer = Writer(ledger.store, loop)
    writer.start()
    written = writer.transact

    async def watched(change: Callable[[Store], Any]) -> Any:
        result = await written(change)
        ready.set()
        return result

    monkeypatch.setattr(writer, "transact", watched)
    task = asyncio.create_task(Sealer(writer, ledger.url).run())
    async with asyncio.timeout(30):
        await ready.wait()
    task.cancel()
    await asyncio.wait([task])
    await writer.close()
    assert sealed(ledger.session)[0] == 1
    assert found(ledger) == []
