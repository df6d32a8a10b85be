"""What may happen to a charge in every state, on both databases; the table is the specification."""

from collections.abc import Callable

import pytest

from proxy.charge import TRANSITIONS, Event, Ground, State
from proxy.ledger.fare import Fare
from proxy.reports.corrections import Bill
from tests.ledger.books import differences
from tests.ledger.world import Ledger, price

Step = Callable[[Ledger, Fare], object]

PUT_INTO: dict[str, list[Step]] = {
    "reserved": [],
    "accepted": [lambda ledger, fare: ledger.accept(fare)],
    "uncertain": [lambda ledger, fare: ledger.doubt(fare)],
    "settled": [lambda ledger, fare: ledger.settle(fare)],
    "released": [lambda ledger, fare: ledger.release(fare)],
}
HAPPENS: dict[str, Step] = {
    "accept": lambda ledger, fare: ledger.accept(fare, "later"),
    "settle": lambda ledger, fare: ledger.settle(fare),
    "release": lambda ledger, fare: ledger.release(fare),
    "doubt": lambda ledger, fare: ledger.doubt(fare),
}
FREE, HELD, SPENT = (0, 0), (0, 100), (100, 0)
TABLE = [
    ("reserved", "accept", "accepted", HELD),
    ("reserved", "settle", "settled", SPENT),
    ("reserved", "release", "released", FREE),
    ("reserved", "doubt", "uncertain", HELD),
    ("accepted", "accept", "accepted", HELD),
    ("accepted", "settle", "settled", SPENT),
    ("accepted", "release", "released", FREE),
    ("accepted", "doubt", "uncertain", HELD),
    ("uncertain", "accept", "accepted", HELD),
    ("uncertain", "settle", "settled", SPENT),
    ("uncertain", "release", "released", FREE),
    ("uncertain", "doubt", "uncertain", HELD),
    ("settled", "accept", "settled", SPENT),
    ("settled", "settle", "settled", SPENT),
    ("settled", "release", "settled", SPENT),
    ("settled", "doubt", "settled", SPENT),
    ("released", "accept", "released", FREE),
    ("released", "settle", "released", SPENT),
    ("released", "release", "released", FREE),
    ("released", "doubt", "released", FREE),
]


@pytest.mark.parametrize(("before", "event", "after", "balance"), TABLE)
def test_a_charge_moves_as_the_table_says(
    ledger: Ledger, before: str, event: str, after: str, balance: tuple[int, int]
) -> None:
    key = ledger.key()
    fare = ledger.reserve(key, 100)
    for step in PUT_INTO[before]:
        step(ledger, fare)
    HAPPENS[event](ledger, fare)
    assert ledger.state(fare) == after
    assert ledger.used(key, "2026-11-23") == balance
    assert ledger.used(key, "2026-11") == balance
    assert differences(ledger.session) == []


def test_the_table_here_is_the_table_there() -> None:
    events = {"accept": Event.ACCEPT, "settle": Event.SETTLE, "release": Event.RELEASE}
    events |= {"doubt": Event.DOUBT}
    for before, event, after, _ in TABLE:
        expected = TRANSITIONS.get((State(before), events[event]), State(before))
        assert expected == State(after)


@pytest.mark.parametrize("event", HAPPENS)
@pytest.mark.parametrize("state", PUT_INTO)
def test_what_happens_twice_counts_once(ledger: Ledger, state: str, event: str) -> None:
    key = ledger.key()
    fare = ledger.reserve(key, 100)
    for step in PUT_INTO[state]:
        step(ledger, fare)
    HAPPENS[event](ledger, fare)
    once = ledger.fare(fare), ledger.kinds(fare), ledger.used(key, "2026-11-23")
    HAPPENS[event](ledger, fare)
    assert (ledger.fare(fare), ledger.kinds(fare), ledger.used(key, "2026-11-23")) == once


@pytest.mark.parametrize(
    ("mode", "images", "outputs", "micros", "sold"),
    [
        pytest.param("n", 2, 2, 200, 2, id="all that were asked"),
        pytest.param("n", 2, 1, 100, 1, id="fewer than asked"),
        pytest.param("n", 2, 3, 300, 3, id="more than asked"),
        pytest.param("n", 2, 0, 200, 2, id="completed, and none listed"),
        pytest.param("one", 1, 4, 400, 4, id="one was priced and four came"),
        pytest.param("run", 1, 4, 100, 1, id="a run costs the same whatever comes out"),
    ],
)
def test_a_completion_settles_at_what_was_sold(
    ledger: Ledger, mode: str, images: int, outputs: int, micros: int, sold: int
) -> None:
    key = ledger.key()
    fare = ledger.reserve(key, price=price(100, images=images, mode=mode))
    ledger.accept(fare)
    receipt = ledger.settle(fare, outputs)
    assert (receipt.fare.settled_micros, receipt.fare.sold_images) == (micros, sold)
    assert ledger.used(key, "2026-11-23") == (micros, 0)
    overruns = int(micros > images * 100)
    assert ledger.count("tallies", "name='overruns'") == overruns
    assert ledger.count("counting") == (overruns if mode == "one" else 0)
    assert differences(ledger.session) == []


def test_an_overrun_may_pass_the_limit_and_then_nothing_more_is_admitted(ledger: Ledger) -> None:
    key = ledger.key(daily_micros=300)
    fare = ledger.reserve(key, 100, price=price(100, images=2))
    ledger.settle(fare, 5)
    assert ledger.used(key, "2026-11-23") == (500, 0)
    assert ledger.standing(key).remaining_micros == 0
    with pytest.raises(Exception, match="budget spent"):
        ledger.reserve(key, 1)


@pytest.mark.parametrize(
    ("first", "truth", "money", "moved"),
    [
        pytest.param(Ground.ASSUMED, None, 0, True, id="assumed, then it had failed"),
        pytest.param(Ground.ASSUMED, 2, 200, False, id="assumed, and it was so"),
        pytest.param(Ground.ASSUMED, 1, 100, True, id="assumed, and fewer came"),
        pytest.param(Ground.ASSUMED, 3, 300, True, id="assumed, and more came"),
        pytest.param(Ground.HAND, None, 0, True, id="charged by hand, then it had failed"),
        pytest.param(Ground.ANSWER, None, 200, False, id="what the upstream said stays said"),
    ],
)
def test_a_late_truth_corrects_once_what_was_settled_without_proof(
    ledger: Ledger, first: Ground, truth: int | None, money: int, *, moved: bool
) -> None:
    key = ledger.key()
    fare = ledger.reserve(key, price=price(100, images=2))
    ledger.doubt(fare)
    ledger.settle(fare, 0, first)
    for _ in range(3):
        ledger.release(fare) if truth is None else ledger.settle(fare, truth)
    assert ledger.used(key, "2026-11-23") == (money, 0)
    assert ledger.state(fare) == "settled"
    assert ledger.kinds(fare).count("correct") == int(moved)
    assert differences(ledger.session) == []


def test_a_failed_job_whose_images_come_after_all_is_charged_once(ledger: Ledger) -> None:
    key = ledger.key()
    fare = ledger.reserve(key, 100)
    ledger.accept(fare)
    ledger.release(fare)
    for _ in range(2):
        ledger.settle(fare)
    assert ledger.used(key, "2026-11-23") == (100, 0)
    assert ledger.fare(fare) == ("released", "contradicted", 100, 100)
    assert ledger.kinds(fare) == ["reserve", "accept", "release", "correct"]
    assert ledger.count("tallies", "name='contradictions'") == 1
    assert differences(ledger.session) == []


def test_a_fare_released_by_hand_is_charged_when_the_upstream_says_it_completed(
    ledger: Ledger,
) -> None:
    key = ledger.key()
    fare = ledger.reserve(key, 100)
    ledger.doubt(fare)
    ledger.release(fare, Ground.HAND)
    assert ledger.used(key, "2026-11-23") == (0, 0)
    for _ in range(2):
        ledger.settle(fare)
    assert ledger.used(key, "2026-11-23") == (100, 0)
    assert ledger.fare(fare) == ("released", "answer", 100, 100)
    assert ledger.kinds(fare) == ["reserve", "doubt", "release", "correct"]
    assert differences(ledger.session) == []


@pytest.mark.parametrize(
    ("outcome", "micros"),
    [
        pytest.param(2, 200, id="completed"),
        pytest.param(1, 200, id="fewer: it was charged at the submit"),
        pytest.param(3, 300, id="more: an overrun is added"),
        pytest.param(None, 200, id="failed: it was charged at the submit"),
    ],
)
def test_charged_on_submit_only_an_overrun_moves_it(
    ledger: Ledger, outcome: int | None, micros: int
) -> None:
    key = ledger.key()
    fare = ledger.reserve(key, price=price(100, images=2))
    ledger.accept(fare, charge_now=True)
    assert ledger.fare(fare) == ("settled", "submit", 200, 200)
    for _ in range(2):
        ledger.release(fare) if outcome is None else ledger.settle(fare, outcome)
    assert ledger.used(key, "2026-11-23") == (micros, 0)
    assert differences(ledger.session) == []


@pytest.mark.parametrize("state", PUT_INTO)
def test_an_id_handed_out_twice_disturbs_nothing_that_is_decided(
    ledger: Ledger, state: str
) -> None:
    key = ledger.key()
    old = ledger.reserve(key, 7)
    ledger.accept(old, "twice")
    new = ledger.reserve(key, 100)
    for step in PUT_INTO[state]:
        step(ledger, new)
    before = ledger.kinds(new)
    for _ in range(3):
        ledger.accept(new, "twice")
    expected = "uncertain" if state == "reserved" else state
    assert ledger.state(new) == expected
    assert ledger.kinds(new) == before + ["doubt"] * (state == "reserved")
    assert ledger.state(old) == "accepted"
    assert differences(ledger.session) == []


def test_an_id_that_came_after_its_fare_was_decided_is_no_other_fares(ledger: Ledger) -> None:
    key = ledger.key()
    late, other = ledger.reserve(key), ledger.reserve(key)
    ledger.release(late, Ground.HAND)
    assert ledger.accept(late, "p1").fare.state == "released"
    assert ledger.accept(other, "p1").fare.state == "uncertain"


def test_an_id_handed_out_twice_within_one_batch_is_seen(ledger: Ledger) -> None:
    from proxy.ledger.outcomes import Accept  # noqa: PLC0415

    key = ledger.key()
    fares = [ledger.reserve(key) for _ in range(3)]
    ledger.store.commit([Accept(f.id, "shared", "same") for f in fares])
    assert [ledger.state(f) for f in fares] == ["accepted", "uncertain", "uncertain"]


def test_an_id_that_a_doubtful_answer_showed_is_kept(ledger: Ledger) -> None:
    key = ledger.key()
    fare = ledger.reserve(key)
    ledger.doubt(fare)
    ledger.doubt(fare, "seen later")
    rows = ledger.session.rows("SELECT prediction_id FROM charges WHERE id=?", (fare.id,))
    assert [tuple(row) for row in rows] == [("seen later",)]


def test_entries_can_be_neither_changed_nor_removed(ledger: Ledger) -> None:
    fare = ledger.reserve(ledger.key())
    for statement in (
        "UPDATE entries SET reserved_micros=1 WHERE charge_id=?",
        "DELETE FROM entries WHERE charge_id=?",
    ):
        with pytest.raises(Exception, match="entries are only ever added"):
            ledger.session.run(statement, (fare.id,))
    assert ledger.kinds(fare) == ["reserve"]


def test_a_bill_moves_nothing_of_what_was_let_through_without_a_price(ledger: Ledger) -> None:
    key = ledger.key()
    fare = ledger.reserve(key, price=lambda _: None)
    assert not ledger.do(Bill(fare.id, 100, "ann", "billed")).changed
    assert ledger.fare(fare) == ("reserved", "", 0, 0)
    assert ledger.used(key, "2026-11-23") == (0, 0)
