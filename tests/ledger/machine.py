"""Any run of anything, on two nodes, against a model that is kept by hand.

What the model says is compared with the tables after every step: the state, day and money of
every charge; every figure derived again from the entries; a refusal exactly where a limit, a
pause or a revocation demands one.
"""

from collections.abc import Callable
from contextlib import suppress
from itertools import count
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    rule,
)

from proxy.charge import Ground
from proxy.ledger import registry, rows
from proxy.ledger.operation import Operation, Receipt
from proxy.ledger.outcomes import Accept, Decide, Doubt
from proxy.ledger.refusals import BudgetSpent, KeyGone, KeyHeld
from proxy.ledger.reserve import Reserve
from proxy.ledger.session import LedgerFault, Session
from proxy.ledger.store import Store
from proxy.ledger.view import View
from tests.ledger.books import differences
from tests.ledger.model import Key as ModelKey
from tests.ledger.model import Model
from tests.ledger.world import ACCOUNT, Clock, price

REFUSALS = {"spent": BudgetSpent, "gone": KeyGone, "held": KeyHeld, "admitted": Receipt}
KEYS = {
    "one": ModelKey("blue", "UTC"),
    "two": ModelKey("blue", "Asia/Kathmandu"),
    "shy": ModelKey("red", "America/Santiago", shadow=True),
}
nodes = st.integers(0, 1)
names = st.sampled_from(sorted(KEYS))
units = st.sampled_from([0, 50, 100, 150, 200, 300])  # coarse, so that the last cent is often hit
limits = st.sampled_from([None, 0, 100, 200, 300, 450, 600, 900])
predictions = st.sampled_from(["p1", "p2", "p3"])
grounds = st.sampled_from([Ground.ANSWER, Ground.ANSWER, Ground.ASSUMED, Ground.HAND])


class Crashed(BaseException):
    """The process died before its commit."""


class AnyRun(RuleBasedStateMachine):
    """Two nodes, three keys, two teams, one clock."""

    fares = Bundle("fares")
    done = Bundle("done")
    numbers = count(1)
    refusals_open_days = False  # PostgreSQL needs a row to lock before it can refuse

    def __init__(self) -> None:
        super().__init__()
        self.clock = clock = Clock("2026-11-23T12:00:00+00:00")
        self.opened = self.fresh(clock)
        self.stores = [Store(session) for session in self.opened]
        for store in self.stores:
            store.open()
        self.model = Model()
        self.ids: dict[str, str] = {}

    fresh: Callable[[Clock], list[Session]]

    @initialize()
    def begin(self) -> None:
        run = next(self.numbers)
        for name, key in KEYS.items():
            facts = {"team": key.team, "timezone": key.zone, "shadow": int(key.shadow)}
            made = self.change(0, "create_key", f"{name}-{run}", **facts).key
            self.ids[name] = made.id
            self.model.keys[name] = ModelKey(key.team, key.zone, key.shadow)

    def change(self, node: int, what: str, *args: Any, **facts: Any) -> Any:
        return self.stores[node].transact(getattr(registry, what)(*args, actor="test", **facts))

    def commit(self, node: int, *operations: Operation) -> list[Any]:
        return self.stores[node].commit(operations)

    def order(self, name: str, unit: int, images: int) -> Reserve:
        self.stores[0].refresh()
        key = self.stores[0].directory.keys[self.ids[name]]
        fare = f"fb_{next(self.numbers):08}"
        return Reserve(fare, key, price(unit, images=images), ACCOUNT, "path", "test")

    def admit(self, operation: Reserve, name: str, unit: int, images: int, result: Any) -> bool:
        """Compare a verdict with the model's, which then takes it over."""
        now = self.clock.now_us
        verdict = self.model.verdict(name, unit * images, now)
        assert isinstance(result, REFUSALS[verdict]), (verdict, result)
        if verdict == "admitted":
            self.model.reserve(operation.charge_id, name, unit, images, now)
            for scope, period, limit in self.model.binding(name, now):
                assert self.model.used(scope, period) <= limit
        elif self.refusals_open_days:
            self.model.open_days(name, now)
        return verdict == "admitted"

    @rule(target=fares, node=nodes, name=names, unit=units, images=st.integers(1, 3))
    def reserve(self, node: int, name: str, unit: int, images: int) -> Any:
        operation = self.order(name, unit, images)
        (result,) = self.commit(node, operation)
        if self.admit(operation, name, unit, images, result):
            return operation.charge_id
        return multiple()

    @rule(
        target=fares,
        node=nodes,
        wanted=st.lists(st.tuples(names, units), min_size=2, max_size=6),
    )
    def reserve_in_one_batch(self, node: int, wanted: list[tuple[str, int]]) -> Any:
        operations = [self.order(name, unit, 1) for name, unit in wanted]
        results = self.commit(node, *operations)
        admitted = [
            operation.charge_id
            for operation, (name, unit), result in zip(operations, wanted, results, strict=True)
            if self.admit(operation, name, unit, 1, result)
        ]
        return multiple(*admitted)

    @rule(target=done, node=nodes, fare=fares, prediction=predictions, charge_now=st.booleans())
    def accept(self, node: int, fare: str, prediction: str, *, charge_now: bool) -> Operation:
        return self.happen(node, Accept(fare, ACCOUNT, prediction, charge_now))

    @rule(target=done, node=nodes, fare=fares, outputs=st.integers(0, 4), ground=grounds)
    def settle(self, node: int, fare: str, outputs: int, ground: Ground) -> Operation:
        return self.happen(node, Decide(fare, outputs, ground))

    @rule(target=done, node=nodes, fare=fares, ground=grounds)
    def release(self, node: int, fare: str, ground: Ground) -> Operation:
        return self.happen(node, Decide(fare, None, ground))

    @rule(target=done, node=nodes, fare=fares, prediction=st.one_of(st.none(), predictions))
    def doubt(self, node: int, fare: str, prediction: str | None) -> Operation:
        return self.happen(node, Doubt(fare, "cut off", ACCOUNT, prediction))

    @rule(node=nodes, operation=done)
    def replay(self, node: int, operation: Operation) -> None:
        self.happen(node, operation)

    @rule(node=nodes, fare=fares, name=names)
    def reserve_again_under_the_same_id(self, node: int, fare: str, name: str) -> None:
        operation = self.order(name, 0, 1)
        operation.charge_id = fare
        (result,) = self.commit(node, operation)
        assert isinstance(result, LedgerFault | BudgetSpent | KeyGone | KeyHeld)
        if self.refusals_open_days and not isinstance(result, LedgerFault):
            self.model.open_days(name, self.clock.now_us)

    def happen(self, node: int, operation: Any) -> Operation:
        (receipt,) = self.commit(node, operation)
        assert isinstance(receipt, Receipt), receipt
        written = rows.fares(self.opened[node], "WHERE id=?", (operation.charge_id,))
        assert written == [receipt.fare]
        self.expect(operation)
        return operation  # type: ignore[no-any-return]

    def expect(self, operation: Any) -> None:
        if isinstance(operation, Accept):
            self.model.accept(
                operation.charge_id, operation.prediction_id, charge_now=operation.charge_now
            )
        elif isinstance(operation, Decide):
            self.model.decide(operation.charge_id, operation.outputs, operation.ground)
        elif isinstance(operation, Doubt):
            self.model.doubt(operation.charge_id, operation.prediction_id or "")

    @rule(node=nodes, fare=fares, outputs=st.one_of(st.none(), st.integers(0, 3)))
    def crash_before_commit(self, node: int, fare: str, outputs: int | None) -> None:
        def save_and_crash(session: Session, view: View) -> None:
            saved(session, view)
            raise Crashed

        saved = rows.save
        with pytest.MonkeyPatch.context() as patched, suppress(Crashed):
            patched.setattr(rows, "save", save_and_crash)
            self.stores[node].commit([Decide(fare, outputs, Ground.ANSWER)])

    @rule(hours=st.sampled_from([1, 6, 18, 24, 31, 24 * 8]))
    def time_passes(self, hours: int) -> None:
        self.clock.step(hours=hours)

    @rule(minutes=st.sampled_from([-5, 5, -60, -60 * 25, 60 * 49]))
    def the_clock_is_stepped(self, minutes: int) -> None:
        self.clock.step(minutes=minutes)

    @rule(node=nodes, name=names, limit=limits, window=st.sampled_from(["day", "month"]))
    def limit_a_key(self, node: int, name: str, limit: int | None, window: str) -> None:
        column = {"day": "daily_micros", "month": "monthly_micros"}[window]
        self.change(node, "set_key", self.ids[name], {column: limit})
        self.model.keys[name].limits[window] = limit

    @rule(
        node=nodes,
        team=st.sampled_from(["blue", "red", "*"]),
        limit=limits,
        window=st.sampled_from(["day", "month"]),
    )
    def limit_a_team(self, node: int, team: str, limit: int | None, window: str) -> None:
        column = {"day": "daily_micros", "month": "monthly_micros"}[window]
        self.change(node, "set_team", team, {column: limit})
        self.model.limits[team, window] = limit

    @rule(
        node=nodes, name=names, state=st.sampled_from(["active"] * 3 + ["paused"] * 2 + ["revoked"])
    )
    def stop_a_key(self, node: int, name: str, state: str) -> None:
        if self.model.keys[name].state == "revoked" != state:  # for good
            with pytest.raises(registry.Missing):
                self.change(node, "set_key", self.ids[name], {"state": state})
            return
        self.change(node, "set_key", self.ids[name], {"state": state})
        self.model.keys[name].state = state

    @rule(node=nodes, team=st.sampled_from(["blue", "*"]), paused=st.booleans())
    def pause_a_team(self, node: int, team: str, *, paused: bool) -> None:
        self.change(node, "set_team", team, {"state": "paused" if paused else "active"})
        self.model.paused -= {team}
        self.model.paused |= {team} if paused else set()

    @rule(node=nodes, name=names, team=st.sampled_from(["blue", "red"]))
    def move_a_key(self, node: int, name: str, team: str) -> None:
        self.change(node, "set_key", self.ids[name], {"team": team})
        self.model.keys[name].team = team

    @invariant()
    def the_tables_say_what_the_model_says(self) -> None:
        found = self.opened[1].rows(
            "SELECT id,state,reserved_micros,settled_micros,key_day,day FROM charges"
        )
        assert {row[0]: tuple(row[1:]) for row in found} == self.model.facts()

    @invariant()
    def every_figure_follows_from_the_entries(self) -> None:
        assert differences(self.opened[0]) == []
        low = self.opened[0].rows("SELECT count(*) FROM balances WHERE reserved_micros<0")
        assert low[0][0] == 0
