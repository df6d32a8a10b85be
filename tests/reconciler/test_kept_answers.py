"""What is kept under an Idempotency-Key is gone a day later, also where nothing else is to do."""

import pytest

from proxy.ledger import rows
from proxy.ledger.fare import Kept
from proxy.repeats import Repeats
from tests.reconciler.node import Clock, Node

LEFT = "SELECT idempotency_key FROM replays ORDER BY 1"


@pytest.mark.parametrize(("hours", "left"), [(23.9, [("first",), ("second",)]), (24.1, [])])
async def test_a_kept_answer_is_removed_though_no_charge_is_due(
    here: Node, clock: Clock, hours: float, left: list[tuple[str]]
) -> None:
    at_us = here.store.session.now_us()
    for name in ("first", "second"):
        answer = Kept("caller", name, "hash", "", 200, "[]", b"{}", at_us)
        await here.writer.transact(lambda store, kept=answer: rows.keep(store.session, kept))
    clock.step(hours=hours)
    assert await here.reconciler.tick() == 0
    assert here.store.session.rows(LEFT) == left


@pytest.mark.parametrize(("hours", "repeated"), [(23.9, True), (24.1, False)])
async def test_what_was_kept_for_a_day_is_not_repeated_though_it_is_still_there(
    here: Node, clock: Clock, hours: float, *, repeated: bool
) -> None:
    kept = Kept("caller", "once", "hash", "", 200, "[]", b"{}", here.store.session.now_us())
    await here.writer.transact(lambda store: rows.keep(store.session, kept))
    clock.step(hours=hours)
    asked = Kept("caller", "once", "hash", "")
    assert (await Repeats(here.fares).first(asked) == kept) is repeated
