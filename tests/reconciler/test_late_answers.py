"""An answer that comes when its fare was decided already: what it says is not lost."""

import pytest

from proxy.admin.changes import ByHand
from proxy.answers import Outcome
from proxy.charge import Ground
from proxy.deciding import Deciding
from proxy.ledger.fare import Fare
from proxy.ledger.outcomes import Decide, Doubt
from tests.ledger.books import differences
from tests.reconciler.node import UNIT_MICROS, Node


async def given_up(here: Node, decision: Decide) -> Fare:
    """Take an uncertain fare for lost, while its caller still reads a long answer, slowly."""
    await here.fares.record(Doubt(decision.charge_id, "no outcome in time"))
    decided = await here.fares.record(decision)
    assert decided is not None
    assert decided.changed
    return decided.fare


async def test_a_completed_answer_puts_right_what_was_released_by_hand(here: Node) -> None:
    fare = await here.reserve(await here.key())
    await given_up(here, ByHand(fare.id, None, Ground.HAND, "it looks dead", "me"))
    outcome = Outcome("completed", "p1", 1, "completed")
    noted = await Deciding(here.fares, charge_on_submit=False).answered(fare, outcome, None)
    assert noted is not None
    assert (noted.fare.settled_micros, noted.fare.prediction_id) == (UNIT_MICROS, "p1")
    assert differences(here.store.session) == []


@pytest.mark.parametrize("ground", [Ground.HAND, Ground.ASSUMED])
async def test_an_accepted_job_is_found_by_its_polls_and_they_put_it_right(
    here: Node, ground: Ground
) -> None:
    key = await here.key()
    fare = await here.reserve(key)
    outputs = 0 if ground is Ground.ASSUMED else None
    await given_up(here, Decide(fare.id, outputs, ground, "nobody came back", "me"))
    deciding = Deciding(here.fares, charge_on_submit=False)
    await deciding.answered(fare, Outcome("accepted", "p1", 0, "created"), None)
    found = await here.fares.find("p1", key)
    assert found is not None
    outcome = Outcome("completed" if outputs is None else "failed", "p1", 1, "x")
    noted = await deciding.polled(found, outcome)
    assert noted is not None
    assert noted.fare.settled_micros == (UNIT_MICROS if outputs is None else 0)
    assert differences(here.store.session) == []
