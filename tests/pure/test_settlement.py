"""How a decision moves money: in entries, balances and counters."""

from typing import Any

import pytest

from pricing import Micros, Quote
from proxy.charge import OPEN, UNPROVEN, Event, Ground, State
from proxy.ledger.outcomes import Accept, Decide
from proxy.ledger.settlement import put_at
from tests.pure.booking import (
    NOW_US,
    QUARTER,
    after,
    balances,
    empty,
    everywhere,
    held,
    order,
    sold_as,
)

LATER_US = NOW_US + 1_000_000
PLACE = (QUARTER, "k1", "web", "blue", "banana", "1K", "edit", "2026-09-25", "{}")
TOTAL = ("blue", "web", "banana", "1K")
ANSWER = (200, "[]", b"{}")


@pytest.mark.parametrize(
    ("quote", "outputs", "images", "micros", "overrun", "counting"),
    [
        pytest.param(sold_as(), 2, 2, 200, False, False, id="as reserved"),
        pytest.param(sold_as(), 1, 1, 100, False, False, id="fewer"),
        pytest.param(sold_as(), 3, 3, 300, True, False, id="more"),
        pytest.param(sold_as(), 0, 2, 200, False, False, id="none listed"),
        pytest.param(
            sold_as(images_mode="one", images=1), 2, 2, 200, True, True, id="more than its one"
        ),
        pytest.param(sold_as(images_mode="run", images=1), 9, 1, 100, False, False, id="a run"),
    ],
)
def test_a_settled_fare_is_charged_for_what_was_sold(
    quote: Quote, outputs: int, images: int, micros: int, *, overrun: bool, counting: bool
) -> None:
    view, fare = held(quote)
    reserved = fare.reserved_micros
    done = Decide("fb_1", outputs, Ground.ANSWER, "completed", "me", ANSWER).apply(view)
    assert done.changed
    assert (fare.state, fare.ground, fare.reason) == ("settled", "answer", "completed")
    assert (fare.settled_micros, fare.sold_images, fare.decided_us) == (micros, images, LATER_US)
    assert (fare.lease_owner, fare.reserved_micros) == ("", reserved)
    assert view.entries == [
        ("fb_1", 2, "settle", -reserved, micros, images, LATER_US, "answer", "me", "completed")
    ]
    assert balances(view) == everywhere(micros, 0)
    assert view.spend == {PLACE: [1, images, micros, images * 150]}
    assert view.totals == {TOTAL: [micros, images]}
    assert view.tallies == ({("overruns", "banana"): 1} if overrun else {})
    assert view.counting == ({("2026-09-25", "banana")} if counting else set())
    assert view.answered == [(200, "[]", b"{}", "fb_1")]
    assert view.freed == []


def test_a_word_is_stored_as_it_is_shown() -> None:
    assert list(State) == ["reserved", "accepted", "settled", "released", "uncertain"]
    assert list(Event) == ["reserve", "accept", "settle", "release", "doubt", "correct"]
    assert list(Ground) == ["answer", "submit", "unsent", "assumed", "hand", "statement",
                            "contradicted"]  # fmt: skip
    assert {"assumed", "hand", "submit"} == UNPROVEN
    assert {"reserved", "accepted", "uncertain"} == OPEN


def test_without_a_list_price_nothing_is_saved() -> None:
    view, _ = held(sold_as(list_unit_micros=None))
    Decide("fb_1", 2, Ground.ANSWER).apply(view)
    assert view.spend[PLACE] == [1, 2, 200, 200]
    assert view.entries[0][7:] == ("answer", "", "")


def test_what_is_free_is_counted_and_what_has_no_price_is_not() -> None:
    view, _ = held(sold_as(unit_micros=Micros(0), list_unit_micros=None))
    Decide("fb_1", 2, Ground.ANSWER).apply(view)
    assert view.totals == {TOTAL: [0, 2]}
    view, fare = held(None)
    Decide("fb_1", 2, Ground.ANSWER).apply(view)
    assert (fare.state, fare.settled_micros, fare.sold_images) == ("settled", 0, 0)
    assert not any((view.spend, view.totals, view.tallies))
    assert view.entries[0][3:6] == (0, 0, 0)


def test_fares_of_one_quarter_of_an_hour_add_up() -> None:
    view = empty()
    for number, outputs in (("fb_1", 2), ("fb_2", 1)):
        order(charge_id=number).apply(view)
        Decide(number, outputs, Ground.ANSWER).apply(view)
    assert view.spend == {PLACE: [2, 3, 300, 450]}
    assert view.totals == {TOTAL: [300, 3]}
    assert balances(view) == everywhere(300, 0)


def test_a_released_fare_is_given_back_and_its_key_is_free_again() -> None:
    view, fare = held()
    done = Decide("fb_1", None, Ground.UNSENT, "failed", "me", ANSWER).apply(view)
    assert done.changed
    assert (fare.state, fare.ground, fare.reason) == ("released", "unsent", "failed")
    assert (fare.settled_micros, fare.decided_us, fare.lease_owner) == (0, LATER_US, "")
    assert view.entries == [("fb_1", 2, "release", -200, 0, 0, LATER_US, "unsent", "me", "failed")]
    assert balances(view) == everywhere(0, 0)
    assert (view.freed, view.answered) == (["fb_1"], [])
    assert not any((view.spend, view.totals, view.tallies))


@pytest.mark.parametrize(("state", "cost"), [(s, 200 if s in OPEN else 70) for s in State])
def test_a_fare_stands_at_what_is_held_and_then_at_what_was_charged(
    state: State, cost: int
) -> None:
    fare = order().apply(empty()).fare
    fare.state, fare.settled_micros = state.value, 70
    assert fare.cost_micros == cost


@pytest.mark.parametrize("ground", Ground)
@pytest.mark.parametrize("decided_on", Ground)
def test_only_a_decision_without_proof_is_corrected_and_only_by_proof(
    decided_on: Ground, ground: Ground
) -> None:
    view, fare = held()
    Decide("fb_1", 1, decided_on).apply(view)
    view = after(view)
    unproven = decided_on in {Ground.SUBMIT, Ground.ASSUMED, Ground.HAND}
    proof = ground not in {Ground.SUBMIT, Ground.ASSUMED}
    done = Decide("fb_1", 3, ground, "seen", "me").apply(view)
    assert done.changed is (unproven and proof)
    assert fare.settled_micros == (300 if done.changed else 100)
    assert fare.ground == (ground if done.changed else decided_on)
    assert len(view.entries) == int(done.changed)


@pytest.mark.parametrize(
    ("outputs", "truth", "entry", "spend", "total", "tallies"),
    [
        pytest.param(
            2, 1, (0, -100, -1), [0, -1, -100, -150], None, {("corrections", "down"): 100},
            id="fewer",
        ),
        pytest.param(
            2, None, (0, -200, -2), [0, -2, -200, -300], None, {("corrections", "down"): 200},
            id="it had failed",
        ),
        pytest.param(
            1, 2, (0, 100, 1), [0, 1, 100, 150], [100, 1], {("corrections", "up"): 100},
            id="as many as were reserved",
        ),
        pytest.param(
            2, 4, (0, 200, 2), [0, 2, 200, 300], [200, 2],
            {("corrections", "up"): 200, ("overruns", "banana"): 1}, id="more than were reserved",
        ),
    ],
)  # fmt: skip
def test_a_correction_moves_the_difference(
    outputs: int,
    truth: int | None,
    entry: tuple[int, ...],
    spend: list[int],
    total: list[int] | None,
    tallies: dict[Any, int],
) -> None:
    view, fare = held()
    Decide("fb_1", outputs, Ground.ASSUMED).apply(view)
    view = after(view)
    assert Decide("fb_1", truth, Ground.ANSWER, "late", "me").apply(view).changed
    money = 100 * (truth or 0)
    assert (fare.state, fare.ground) == ("settled", "answer")
    assert (fare.settled_micros, fare.sold_images) == (money, truth or 0)
    now_us = NOW_US + 2_000_000
    assert view.entries == [("fb_1", 3, "correct", *entry, now_us, "answer", "me", "late")]
    assert balances(view) == everywhere(money, 0)
    assert view.spend == {PLACE: spend}
    assert view.totals == ({TOTAL: total} if total else {})
    assert view.tallies == tallies
    assert view.changed == {"fb_1": fare}


@pytest.mark.parametrize("quote", [sold_as(), sold_as(unit_micros=Micros(0))])
def test_images_that_come_after_a_failure_are_charged_once(quote: Quote) -> None:
    view, fare = held(quote)
    Decide("fb_1", None, Ground.ANSWER, "failed").apply(view)
    view, price = after(view), fare.reserved_micros
    assert Decide("fb_1", 0, Ground.ANSWER, "completed", "me").apply(view).changed
    assert (fare.state, fare.ground, fare.reason) == ("released", "contradicted", "failed")
    assert (fare.settled_micros, fare.sold_images) == (price, 2)
    why = "failed, later completed"
    assert view.entries == [
        ("fb_1", 3, "correct", 0, price, 2, NOW_US + 2_000_000, "contradicted", "me", why)
    ]
    assert view.tallies["contradictions", "banana"] == 1
    view = after(view)
    for outputs in (0, 1, None):
        assert not Decide("fb_1", outputs, Ground.ANSWER).apply(view).changed
    assert not any((view.entries, view.tallies, view.changed))


def test_what_was_sold_stays_sold_whatever_is_said_later() -> None:
    view, fare = held()
    Decide("fb_1", 2, Ground.ANSWER, "completed").apply(view)
    view = after(view)
    assert not Decide("fb_1", None, Ground.ANSWER, "failed").apply(view).changed
    assert (fare.state, fare.ground, fare.settled_micros) == ("settled", "contradicted", 200)
    assert (view.tallies, view.changed) == ({("contradictions", "banana"): 1}, {"fb_1": fare})
    assert not view.entries


@pytest.mark.parametrize("truth", [2, None])
@pytest.mark.parametrize("guess", [2, None])
def test_what_put_a_guess_right_does_not_contradict_itself(
    guess: int | None, truth: int | None
) -> None:
    view, fare = held()
    Decide("fb_1", guess, Ground.HAND).apply(view)
    for _ in range(2):
        Decide("fb_1", truth, Ground.ANSWER).apply(view)
    assert (fare.ground, fare.sold_images) == ("answer", truth or 0)
    assert ("contradictions", "banana") not in view.tallies


def test_a_call_without_a_price_is_not_contradicted() -> None:
    view, fare = held(None)
    Decide("fb_1", 2, Ground.ANSWER).apply(view)
    Decide("fb_1", None, Ground.ANSWER).apply(view)
    assert (fare.ground, view.tallies) == ("answer", {})


def test_a_truth_that_was_guessed_right_is_noted_without_an_entry() -> None:
    view, fare = held()
    Decide("fb_1", 2, Ground.ASSUMED).apply(view)
    view = after(view)
    assert not Decide("fb_1", 2, Ground.ANSWER).apply(view).changed
    assert (fare.ground, view.changed) == ("answer", {"fb_1": fare})
    assert not any((view.entries, view.tallies))


def test_a_free_image_more_is_an_image_more() -> None:
    view, fare = held(sold_as(unit_micros=Micros(0), list_unit_micros=Micros(5)))
    Decide("fb_1", 2, Ground.ASSUMED).apply(view)
    view = after(view)
    assert Decide("fb_1", 3, Ground.ANSWER).apply(view).changed
    assert (fare.sold_images, view.totals) == (3, {TOTAL: [0, 1]})
    assert view.tallies == {("corrections", "down"): 0}
    assert view.spend == {PLACE: [0, 1, 0, 5]}


@pytest.mark.parametrize(
    ("truth", "micros", "images"), [(None, 200, 2), (1, 200, 2), (2, 200, 2), (3, 300, 3)]
)
def test_charged_on_submit_only_more_than_that_is_added(
    truth: int | None, micros: int, images: int
) -> None:
    view, fare = held()
    Accept("fb_1", "shared", "p", charge_now=True).apply(view)
    view = after(view)
    assert Decide("fb_1", truth, Ground.ANSWER).apply(view).changed is (micros > 200)
    assert (fare.settled_micros, fare.sold_images) == (micros, images)
    assert fare.ground == ("submit" if truth is None else "answer")


def test_a_settled_fare_is_put_at_another_sum_on_the_record() -> None:
    view, fare = held()
    Decide("fb_1", 2, Ground.ANSWER).apply(view)
    view = after(view)
    put_at(view, fare, 170, 1, ground=Ground.STATEMENT, why="bill", actor="me")
    assert (fare.settled_micros, fare.sold_images, fare.ground) == (170, 1, "statement")
    (entry,) = view.entries
    assert entry[2:6] == ("correct", 0, -30, -1)
    assert entry[7:] == ("statement", "me", "bill")
    assert view.tallies == {("corrections", "down"): 30}
    assert balances(view) == everywhere(170, 0)


@pytest.mark.parametrize(
    ("micros", "images", "total", "way", "by"),
    [
        (250, 1, [50, 0], "up", 50),
        (150, 3, [0, 1], "down", 50),
        (201, 2, [1, 0], "up", 1),
        (199, 2, None, "down", 1),
        (200, 1, None, "down", 0),
        (250, 3, [50, 1], "up", 50),
    ],
)
def test_the_counters_of_the_metrics_only_grow(
    micros: int, images: int, total: list[int] | None, way: str, by: int
) -> None:
    view, fare = held()
    Decide("fb_1", 2, Ground.ANSWER).apply(view)
    view = after(view)
    put_at(view, fare, micros, images, ground=Ground.STATEMENT, why="bill", actor="me")
    assert view.totals == ({TOTAL: total} if total else {})
    assert view.tallies == {("corrections", way): by}
    assert view.spend[PLACE][1:3] == [images - 2, micros - 200]


def test_a_copy_of_a_fare_is_the_same_fare_and_may_be_changed() -> None:
    _, fare = held(sold_as())
    copy = fare.copy()
    assert copy == fare
    copy.state = State.RELEASED.value
    assert fare.state == State.RESERVED
