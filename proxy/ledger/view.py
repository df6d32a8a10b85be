"""What one transaction sees and changes: charges, balances, and where budgets stand. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from proxy.budget import (
    DAY,
    INSTALLATION,
    KEY,
    MONTH,
    TEAM,
    Budget,
    Standing,
    day_at,
    period_of,
    resets_us,
)
from proxy.charge import Event
from proxy.directory import Directory, Key
from proxy.ledger.fare import Fare, Kept

Frame = tuple[Budget, tuple[str, str, str], str, int]  # what of a standing does not move with money


@dataclass(slots=True)
class View:
    """What one transaction sees and changes."""

    now_us: int
    directory: Directory
    fares: dict[str, Fare] = field(default_factory=dict)
    balances: dict[tuple[str, str, str], list[int]] = field(default_factory=dict)
    frames: dict[tuple[str, ...], list[Frame]] = field(default_factory=dict)
    latest: dict[str, str] = field(default_factory=dict)  # scope -> its last day
    taken: dict[tuple[str, str], str] = field(default_factory=dict)  # (account, prediction) -> id
    created: dict[str, Fare] = field(default_factory=dict)
    changed: dict[str, Fare] = field(default_factory=dict)
    entries: list[tuple[Any, ...]] = field(default_factory=list)
    touched: set[tuple[str, str, str]] = field(default_factory=set)
    spend: dict[tuple[Any, ...], list[int]] = field(default_factory=dict)
    totals: dict[tuple[str, str, str, str], list[int]] = field(default_factory=dict)
    tallies: dict[tuple[str, str], int] = field(default_factory=dict)
    counting: set[tuple[str, str]] = field(default_factory=set)
    purged: list[Fare] = field(default_factory=list)
    kept: dict[tuple[str, str], Kept] = field(default_factory=dict)
    keeping: list[Kept] = field(default_factory=list)  # begun in this transaction
    answered: list[tuple[int, str, bytes | None, str]] = field(default_factory=list)
    freed: list[str] = field(default_factory=list)  # charges whose keys are free again

    def balance(self, scope: str, window: str, period: str) -> list[int]:
        """Settled and reserved micro-USD of a scope in a period, to be changed in place."""
        return self.balances.setdefault((scope, window, period), [0, 0])

    def move(self, fare: Fare, reserved: int, settled: int) -> None:
        """Move money on every balance that the fare lies in."""
        for scope, day in scopes_of(fare):
            for window in (DAY, MONTH):
                place = (scope, window, period_of(day, window))
                balance = self.balances.setdefault(place, [0, 0])
                balance[0] += settled
                balance[1] += reserved
                self.touched.add(place)

    def enter(
        self,
        fare: Fare,
        kind: Event,
        *,
        reserved: int = 0,
        settled: int = 0,
        images: int = 0,
        ground: str = "",
        actor: str = "",
        why: str = "",
    ) -> None:
        """Add an entry and move its money."""
        if kind is not Event.RESERVE:
            fare.seq += 1
            if fare.id not in self.created:
                self.changed[fare.id] = fare
        self.entries.append(
            (
                fare.id,
                fare.seq,
                str(kind),
                reserved,
                settled,
                images,
                self.now_us,
                ground,
                actor,
                why,
            )
        )
        if kind is Event.RESERVE or reserved or settled:  # also a free fare opens its day
            self.move(fare, reserved, settled)

    def name(self, fare: Fare, place: tuple[str, str] | None) -> bool:
        """Give a fare its (account, prediction), if it has none and the id is nobody's."""
        if place is None or fare.prediction_id is not None or place in self.taken:
            return False
        fare.prediction_id = place[1]
        self.taken[place], self.changed[fare.id] = fare.id, fare
        return True

    def count(self, name: str, label: str, by: int = 1) -> None:
        """Add to one of the counters that live in the ledger."""
        self.tallies[name, label] = self.tallies.get((name, label), 0) + by


def scopes_of(fare: Fare) -> list[tuple[str, str]]:
    """List the scopes of a charge, each with the day it was admitted on there."""
    found = [(f"{KEY}:{fare.key_id}", fare.key_day), (INSTALLATION, fare.day)]
    if fare.team:
        found.insert(1, (f"{TEAM}:{fare.team}", fare.day))
    return found


def scope_of(budget_scope: str, key: Key) -> str:
    """Name the balance of one of a key's scopes."""
    if budget_scope == KEY:
        return f"{KEY}:{key.id}"
    return f"{TEAM}:{key.team}" if budget_scope == TEAM else INSTALLATION


def standings(view: View, key: Key, key_day: str, day: str) -> tuple[Standing, ...]:
    """Say where every budget of a key stands."""
    asked = (key.id, key.team, key_day, day)
    frames = view.frames.get(asked)
    if frames is None:  # a key comes up often in one batch; only its balances change meanwhile
        budgets = view.directory.budgets(key, key_day)
        frames = view.frames[asked] = _frames(view, key, budgets, key_day, day)
    return tuple(_standing(view, frame) for frame in frames)


def own_standings(view: View, key: Key) -> tuple[Standing, ...]:
    """Say where a key's limited budgets stand, without those that it shares with others."""
    key_day, day = days_of(view, key)
    budgets = view.directory.own_budgets(key, key_day)
    limited = [budget for budget in budgets if budget.limit_micros is not None]
    return tuple(_standing(view, frame) for frame in _frames(view, key, limited, key_day, day))


def _standing(view: View, frame: Frame) -> Standing:
    budget, place, zone, ends = frame
    settled, reserved = view.balances.get(place, (0, 0))
    return Standing(budget, place[2], zone, settled, reserved, ends)


def _frames(
    view: View, key: Key, budgets: Iterable[Budget], key_day: str, day: str
) -> list[Frame]:
    directory, found = view.directory, []
    for budget in budgets:
        mine = budget.scope == KEY
        own_day, zone = (key_day, directory.zone_of(key)) if mine else (day, directory.zone)
        place = (scope_of(budget.scope, key), budget.window, period_of(own_day, budget.window))
        ends = resets_us(own_day, budget.window, zone, view.now_us)
        found.append((budget, place, zone.at(view.now_us), ends))
    return found


def days_of(view: View, key: Key) -> tuple[str, str]:
    """Find the day of a key, and the day of teams and the installation."""
    directory = view.directory
    mine = day_at(
        view.now_us, directory.zone_of(key), latest=view.latest.get(f"{KEY}:{key.id}", "")
    )
    theirs = day_at(view.now_us, directory.zone, latest=view.latest.get(INSTALLATION, ""))
    return mine, theirs
