"""More calls than there is room for: submits are told to come again, polls only after them.

The upstream holds its answers until it is told to let one go, so every call in flight is known to
be: it has arrived there.
"""

import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from tests.relay.gate import Gate
from tests.relay.house import PATH, PRICE_MICROS, UNIFIED, Farebox, prediction_of, running

ROOM = 4
POLLS_ROOM = 5  # a quarter more


class House:
    """A Farebox with room for four calls, its upstream, and callers in threads of their own."""

    def __init__(self, farebox: Farebox, gate: Gate, callers: ThreadPoolExecutor) -> None:
        self.farebox, self.gate, self.callers = farebox, gate, callers
        self.key = farebox.key("shed", daily_micros=-1)
        gate.let(1)
        self.bought = prediction_of(farebox.submit(self.key))

    def submits(self, count: int) -> list[Future[httpx.Response]]:
        """Call, and wait until all of it is in flight."""
        awaited = self.gate.arrivals + count
        calls = [self.callers.submit(self.farebox.submit, self.key) for _ in range(count)]
        self.gate.until(awaited)
        return calls

    def polls(self, count: int) -> list[Future[httpx.Response]]:
        awaited = self.gate.arrivals + count
        calls = [
            self.callers.submit(self.farebox.poll, self.key, self.bought) for _ in range(count)
        ]
        self.gate.until(awaited)
        return calls

    def preflight(self) -> httpx.Response:
        return self.farebox.client.options(self.farebox.url + PATH)

    def preflights(self, count: int) -> list[Future[httpx.Response]]:
        awaited = self.gate.arrivals + count
        calls = [self.callers.submit(self.preflight) for _ in range(count)]
        self.gate.until(awaited)
        return calls

    def fares(self) -> int:
        return int(self.farebox.rows("SELECT count(*) FROM charges")[0][0])

    def in_flight(self) -> float:
        found = self.metric("farebox_in_flight_requests")
        return sum(found.values())

    def metric(self, name: str) -> dict[str, float]:
        lines = (line.rpartition(" ") for line in self.farebox.metrics().splitlines())
        return {what: float(value) for what, _, value in lines if what.startswith(f"{name}{{")}


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with ExitStack() as stack:
        gate = stack.enter_context(Gate())
        serving = threading.Thread(target=gate.serve_forever, args=(0.05,))
        serving.start()
        stack.callback(serving.join)
        stack.callback(gate.shutdown)
        farebox = stack.enter_context(running(tmp_path, gate.url, max_in_flight=str(ROOM)))
        callers = stack.enter_context(ThreadPoolExecutor(2 * POLLS_ROOM))
        stack.callback(gate.let, 1000)  # whatever still waits when a test fails
        yield House(farebox, gate, callers)


def shed(answer: httpx.Response) -> bool:
    """Whether a call was turned away for want of room, in the one envelope."""
    if answer.status_code != 503:
        return False
    document = answer.json()
    message = document["error"]["message"]
    assert document == {
        "error": {"message": message, "type": "overloaded", "code": 503},
        "code": 503,
        "message": message,
        "data": {"status": "failed", "error": message, "outputs": []},
    }
    assert int(answer.headers["retry-after"]) > 0
    assert answer.headers["x-farebox-refused"] == "overloaded"
    assert "x-farebox-charge-id" not in answer.headers
    return True


def test_calls_too_many_are_told_to_come_again_and_polls_go_last(house: House) -> None:
    waiting = house.submits(ROOM)
    assert shed(house.farebox.submit(house.key))
    (poll,) = house.polls(1)
    house.gate.let(ROOM + 1)
    assert {one.result().status_code for one in [*waiting, poll]} == {200}
    house.gate.let(1)
    assert house.farebox.submit(house.key).status_code == 200


@pytest.mark.parametrize("path", [PATH, UNIFIED])
def test_what_is_shed_is_neither_reserved_nor_sent(house: House, path: str) -> None:
    waiting = house.submits(ROOM)
    before = house.fares(), house.farebox.balance(house.key), house.gate.arrivals
    assert before[0] == ROOM + 1
    assert before[1] == (0, (ROOM + 1) * PRICE_MICROS)
    for _ in range(3 * ROOM):
        assert shed(house.farebox.submit(house.key, path=path))
    after = house.fares(), house.farebox.balance(house.key), house.gate.arrivals
    assert after == before
    house.gate.let(ROOM)
    assert {one.result().status_code for one in waiting} == {200}


def test_polls_have_a_quarter_more_room_and_no_more_than_that(house: House) -> None:
    waiting = [*house.submits(ROOM), *house.polls(POLLS_ROOM - ROOM)]
    before = house.gate.arrivals
    assert shed(house.farebox.poll(house.key, house.bought))
    assert shed(house.farebox.submit(house.key))
    assert house.gate.arrivals == before
    house.gate.let(POLLS_ROOM)
    assert {one.result().status_code for one in waiting} == {200}


def test_polls_alone_take_the_room_of_submits_too(house: House) -> None:
    waiting = house.polls(ROOM)
    assert shed(house.farebox.submit(house.key))
    house.gate.let(ROOM)
    assert {one.result().status_code for one in waiting} == {200}


def test_calls_without_a_key_have_a_room_of_their_own(house: House) -> None:
    waiting = house.preflights(ROOM)
    assert shed(house.preflight())
    waiting += [*house.submits(ROOM), *house.polls(POLLS_ROOM - ROOM)]
    assert shed(house.farebox.submit(house.key))
    house.gate.let(ROOM + POLLS_ROOM)
    assert {one.result().status_code for one in waiting} == {200}


def test_one_answer_makes_room_for_exactly_one_more(house: House) -> None:
    waiting = house.submits(ROOM)
    for _ in range(3):
        house.gate.let(1)
        house.farebox.until(lambda: house.in_flight() == ROOM - 1)
        waiting += house.submits(1)
        assert shed(house.farebox.submit(house.key))
    house.gate.let(ROOM)
    assert {one.result().status_code for one in waiting} == {200}
    assert house.in_flight() == 0


def test_shed_calls_are_counted_and_our_own_routes_stay_open(house: House) -> None:
    waiting = house.submits(ROOM)
    for _ in range(3):
        assert shed(house.farebox.submit(house.key))
    assert house.farebox.budget(house.key).status_code == 200
    for route in ("healthz", "readyz"):
        assert house.farebox.client.get(f"{house.farebox.url}/{route}").status_code == 200
    counted = house.metric("farebox_refusals_total")
    assert [value for what, value in counted.items() if 'reason="overloaded"' in what] == [3]
    house.gate.let(ROOM)
    assert {one.result().status_code for one in waiting} == {200}
