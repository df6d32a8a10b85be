"""What becomes of a reserved fare: accepted, in doubt, forgotten, put off."""

from dataclasses import replace
from typing import Any

import pytest

from proxy.charge import OPEN, Ground, State
from proxy.ledger.operation import Operation
from proxy.ledger.outcomes import Accept, Decide, Doubt, Postpone, Purge, Withdraw
from tests.pure.booking import (
    NOW_US,
    after,
    balances,
    empty,
    everywhere,
    held,
    order,
)

LATER_US = NOW_US + 1_000_000
ANSWER = (200, "[]", b"{}")


def test_an_outcome_asks_for_its_charge_and_for_who_has_the_id() -> None:
    assert Accept("fb_1", "shared", "p").prediction() == ("shared", "p")
    assert Doubt("fb_1", "cut", "shared", "p").prediction() == ("shared", "p")
    assert Doubt("fb_1", "cut", "shared").prediction() is None
    assert Doubt("fb_1", "cut", prediction_id="p").prediction() == ("", "p")
    decided = Decide("fb_1", 1, Ground.ANSWER)
    assert (decided.loads, decided.payer(empty()), decided.prediction()) == (True, None, None)
    assert (list(decided.scopes()), decided.idempotency()) == ([], None)


def test_an_operation_must_say_what_it_does() -> None:
    with pytest.raises(NotImplementedError):
        Operation().apply(empty())


@pytest.mark.parametrize(
    ("operation", "moves"),
    [
        (order(), True),
        (Accept("fb_1", "shared", "p"), False),
        (Accept("fb_1", "shared", "p", charge_now=True), True),
        (Decide("fb_1", 1, Ground.ANSWER), True),
        (Purge("fb_1"), True),
    ],
)
def test_the_balances_are_at_hand_where_money_may_move(
    operation: Operation, *, moves: bool
) -> None:
    assert operation.moves is moves


def test_an_accepted_fare_has_an_id_and_a_time_to_ask_about_it() -> None:
    view, fare = held()
    done = Accept("fb_1", "shared", "p", due_in_us=60, answer=ANSWER).apply(view)
    assert (done.fare, done.changed, done.shadowed) == (fare, True, False)
    assert (fare.state, fare.prediction_id) == ("accepted", "p")
    assert (fare.accepted_us, fare.due_us, fare.decided_us) == (LATER_US, LATER_US + 60, None)
    assert view.taken == {("shared", "p"): "fb_1"}
    assert view.entries == [("fb_1", 2, "accept", 0, 0, 0, LATER_US, "", "", "")]
    assert view.answered == [(200, "[]", b"{}", "fb_1")]
    assert (view.named, view.changed, view.touched) == ({"fb_1": fare}, {}, set())
    assert balances(view) == everywhere(0, 200)


def test_what_is_decided_in_the_transaction_of_its_making_is_written_after_it() -> None:
    view = empty()
    fare = order().apply(view).fare
    Accept("fb_1", "shared", "p").apply(view)
    Decide("fb_1", 2, Ground.ANSWER).apply(view)
    assert [entry[1:3] for entry in view.entries] == [(1, "reserve"), (2, "accept"), (3, "settle")]
    assert view.created == view.named == view.changed == {"fb_1": fare}
    assert view.answered == []
    assert balances(view) == everywhere(200, 0)


def test_charged_on_submit_it_is_settled_as_reserved() -> None:
    view, fare = held()
    Accept("fb_1", "shared", "p", charge_now=True).apply(view)
    assert (fare.state, fare.ground, fare.settled_micros) == ("settled", "submit", 200)
    assert fare.due_us == LATER_US
    accepted, settled = view.entries
    assert accepted[2] == "accept"
    assert settled == ("fb_1", 3, "settle", -200, 200, 2, LATER_US, "submit", "", "")
    assert fare.reason == ""


@pytest.mark.parametrize("holder", ["fb_1", "fb_9"])
@pytest.mark.parametrize("state", State)
def test_an_id_is_taken_once(state: State, holder: str) -> None:
    view, fare = held()
    fare.state = state.value
    view.taken["shared", "p"] = holder
    done = Accept("fb_1", "shared", "p").apply(view)
    if holder == "fb_1":
        changes = state in {State.RESERVED, State.UNCERTAIN}
        expected = State.ACCEPTED if changes else state
    else:
        changes = state is State.RESERVED
        expected = State.UNCERTAIN if changes else state
    assert (fare.state, done.changed) == (expected, changes)
    assert bool(view.entries) is changes
    assert view.taken["shared", "p"] == holder
    if changes and holder == "fb_9":
        assert fare.reason == "prediction id handed out twice"
        assert fare.prediction_id is None


@pytest.mark.parametrize("state", [State.SETTLED, State.RELEASED])
def test_an_id_that_comes_after_the_decision_is_noted_beside_it(state: State) -> None:
    view, fare = held()
    fare.state = state.value
    assert not Accept("fb_1", "shared", "p", charge_now=True).apply(view).changed
    assert (fare.state, fare.prediction_id, fare.accepted_us) == (state, "p", None)
    assert (view.named, view.changed, view.entries) == ({"fb_1": fare}, {}, [])
    assert view.taken["shared", "p"] == "fb_1"


def test_the_same_id_again_says_nothing_new() -> None:
    view, _ = held()
    Accept("fb_1", "shared", "p").apply(view)
    view = after(view)
    assert not Accept("fb_1", "shared", "p").apply(view).changed
    assert not view.entries


@pytest.mark.parametrize("state", State)
def test_a_doubt_holds_what_is_not_decided(state: State) -> None:
    view, fare = held()
    fare.state = state.value
    done = Doubt("fb_1", "cut off").apply(view)
    doubtful = state in {State.RESERVED, State.ACCEPTED}
    assert done.changed is doubtful
    assert fare.state == (State.UNCERTAIN if doubtful else state)
    assert balances(view) == everywhere(0, 200)
    if doubtful:
        assert (fare.reason, fare.due_us, fare.decided_us) == ("cut off", LATER_US, None)
        assert view.entries == [("fb_1", 2, "doubt", 0, 0, 0, LATER_US, "", "", "cut off")]
    else:
        assert (view.entries, fare.due_us) == ([], 7)


@pytest.mark.parametrize("state", State)
def test_a_doubt_for_want_of_an_answer_leaves_what_was_answered_since(state: State) -> None:
    view, fare = held()
    fare.state = state.value
    assert Doubt("fb_1", "the process died", unheard=True).apply(view).changed is (
        state is State.RESERVED
    )
    assert fare.state == (State.UNCERTAIN if state is State.RESERVED else state)


@pytest.mark.parametrize(
    ("state", "has", "taken", "named"),
    [
        ("reserved", None, {}, True),
        ("uncertain", None, {}, True),
        ("settled", None, {}, False),
        ("released", None, {}, False),
        ("reserved", "q", {}, False),
        ("reserved", None, {("shared", "p"): "fb_9"}, False),
    ],
)
def test_an_id_that_a_doubtful_answer_showed_is_kept_if_it_is_free(
    state: str, has: str | None, taken: dict[Any, str], *, named: bool
) -> None:
    view, fare = held()
    fare.state, fare.prediction_id = state, has
    view.taken.update(taken)
    Doubt("fb_1", "cut off", "shared", "p").apply(view)
    assert fare.prediction_id == ("p" if named else has)
    assert view.taken == ({("shared", "p"): "fb_1"} if named else taken)
    if named:
        assert view.named == {"fb_1": fare}


def test_an_id_is_given_to_a_fare_once() -> None:
    view, fare = held()
    assert not view.name(fare, None)
    assert view.name(fare, ("shared", "p"))
    assert not view.name(fare, ("shared", "q"))
    assert fare.prediction_id == "p"


def test_a_call_by_a_key_that_was_turned_away_leaves_nothing() -> None:
    view, fare = held(provisional=True)
    done = Purge("fb_1").apply(view)
    assert (done.fare, done.changed) == (fare, True)
    assert (view.purged, view.fares, view.freed) == ([fare], {}, ["fb_1"])
    assert (view.entries, balances(view)) == ([], everywhere(0, 0))


def test_but_a_key_that_was_kept_meanwhile_keeps_its_story() -> None:
    view, fare = held()
    assert Purge("fb_1").apply(view).changed
    assert (fare.state, fare.ground, fare.reason) == ("released", "answer", "auth")
    assert (view.purged, list(view.fares)) == ([], ["fb_1"])
    assert view.entries == [("fb_1", 2, "release", -200, 0, 0, LATER_US, "answer", "", "auth")]
    view = after(view)
    assert not Purge("fb_1").apply(view).changed
    assert not view.entries


def test_what_is_withdrawn_is_looked_for_behind_the_balances_of_its_key() -> None:
    view, fare = held()
    key = view.directory.keys["k1"]
    withdrawn = Withdraw("fb_1", None, Ground.UNSENT, "commit failed", key=replace(key, name="old"))
    assert withdrawn.payer(view) is key
    stranger = replace(key, id="own_1")
    assert Withdraw("fb_1", None, Ground.UNSENT, key=stranger).payer(view) is stranger
    assert Withdraw("fb_1", None, Ground.UNSENT).payer(view) is None
    assert withdrawn.apply(view).changed
    assert (fare.state, fare.ground, fare.reason) == ("released", "unsent", "commit failed")


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("looked", [True, False])
def test_what_is_put_off_is_let_go_of(state: State, *, looked: bool) -> None:
    view, fare = held()
    fare.state = state.value
    done = Postpone("fb_1", 99) if looked else Postpone("fb_1", 99, looked=False)
    assert not done.apply(view).changed
    if state in OPEN:
        assert (fare.due_us, fare.lease_owner, fare.lease_us) == (99, "", 0)
        assert (fare.looks, view.changed) == (int(looked), {"fb_1": fare})
    else:
        assert (fare.due_us, fare.looks, view.changed) == (7, 0, {})
    assert not view.entries
