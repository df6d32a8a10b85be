"""What a receipt says of a fare is what is on disk, in every column, however batched."""

from collections.abc import Iterator
from itertools import groupby

import pytest

from proxy.charge import Ground
from proxy.ledger import rows
from proxy.ledger.operation import Operation
from proxy.ledger.outcomes import Accept, Decide, Doubt, Postpone
from tests.ledger.books import differences
from tests.ledger.world import ACCOUNT, Ledger

ID = "fb_1"
ACCEPTED = Accept(ID, ACCOUNT, "p1", due_in_us=60)
STORIES: dict[str, list[Operation]] = {
    "accepted": [ACCEPTED],
    "accepted again": [ACCEPTED, ACCEPTED],
    "settled": [ACCEPTED, Decide(ID, 2, Ground.ANSWER, "completed")],
    "settled at once": [Accept(ID, ACCOUNT, "p1", charge_now=True)],
    "released": [ACCEPTED, Decide(ID, None, Ground.ANSWER, "failed")],
    "put off": [ACCEPTED, Postpone(ID, due_us=7)],
    "put off, then accepted": [Postpone(ID, due_us=7), ACCEPTED],
    "doubted": [ACCEPTED, Doubt(ID, "restored")],
    "doubted, then accepted": [Doubt(ID, "cut off"), ACCEPTED],
    "doubted with an id": [Doubt(ID, "cut off", ACCOUNT, "p1"), ACCEPTED],
    "doubted, then shown an id": [Doubt(ID, "cut off"), Doubt(ID, "again", ACCOUNT, "p1")],
    "corrected": [Decide(ID, 1, Ground.ASSUMED), Decide(ID, None, Ground.ANSWER, "failed")],
}


def _batches(operations: list[Operation], size: int) -> Iterator[list[Operation]]:
    for _, batch in groupby(enumerate(operations), lambda numbered: numbered[0] // size):
        yield [operation for _, operation in batch]


@pytest.mark.parametrize("size", [1, 2, 9])
@pytest.mark.parametrize("story", STORIES)
def test_what_a_receipt_says_is_on_disk(ledger: Ledger, story: str, size: int) -> None:
    begun = ledger.order(ledger.key(), charge_id=ID)
    for batch in _batches([begun, *STORIES[story]], size):
        (*_, receipt) = ledger.store.commit(batch)

    assert rows.fares(ledger.session, "WHERE id=?", (ID,)) == [receipt.fare]
    assert differences(ledger.session) == []


def test_of_several_fares_in_a_batch_each_is_written_as_it_went(ledger: Ledger) -> None:
    key = ledger.key()
    accepted, settled, doubted = (ledger.reserve(key).id for _ in range(3))

    ledger.store.commit(
        [
            Accept(accepted, ACCOUNT, "p1"),
            Accept(settled, ACCOUNT, "p2"),
            Doubt(doubted, "cut off"),
            Decide(settled, 1, Ground.ANSWER, "completed"),
        ]
    )

    found = ledger.session.rows("SELECT id,state,prediction_id,seq FROM charges ORDER BY id")
    assert [tuple(row) for row in found] == [
        (accepted, "accepted", "p1", 2),
        (settled, "settled", "p2", 3),
        (doubted, "uncertain", None, 2),
    ]
