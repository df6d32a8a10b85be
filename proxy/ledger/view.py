"""What one transaction sees and changes: charges, balances, and where budgets stand. Pure."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple

from proxy.budget import (
    DAY,
    INSTALLATION,
    KEY,
    MONTH,
    TEAM,
    Budget,
    Standing,
    day_at,
    fits,
    period_of,
    resets_us,
)
from proxy.charge import Event
from proxy.directory import Directory, Key
from proxy.ledger.fare import Fare, Kept

Place = tuple[str, str, str]  # of a balance: scope, window, period
NOTHING = (0, 0)
FRAMES_MAX = 20_000
_RESERVE, _ACCEPT = str(Event.RESERVE), str(Event.ACCEPT)


class Frame(NamedTuple):
    """What of a standing does not move with money."""

    budget: Budget
    place: Place
    zone: str
    resets_us: int


class Footing(NamedTuple):
    """What of a key's budgets does not move with money, on its days."""

    key: Key
    key_day: str
    day: str
    held: str | None  # the scope that is paused
    places: tuple[Place, ...]  # of the balances that a fare of now lies in
    frames: tuple[Frame, ...]
    limited: tuple[Frame, ...]


@dataclass(slots=True)
class View:
    """What one transaction sees and changes."""

    now_us: int
    directory: Directory
    fares: dict[str, Fare] = field(default_factory=dict)
    balances: dict[Place, list[int]] = field(default_factory=dict)
    latest: dict[str, str] = field(default_factory=dict)  # scope -> its last day
    footings: dict[str, Footing] = field(default_factory=dict)  # of keys, on the days of now
    taken: dict[tuple[str, str], str] = field(default_factory=dict)  # (account, prediction) -> id
    created: dict[str, Fare] = field(default_factory=dict)
    named: dict[str, Fare] = field(default_factory=dict)  # accepted, or else given an id
    changed: dict[str, Fare] = field(default_factory=dict)  # but for the id and its acceptance
    entries: list[tuple[Any, ...]] = field(default_factory=list)
    touched: set[Place] = field(default_factory=set)
    spend: dict[tuple[Any, ...], list[int]] = field(default_factory=dict)
    totals: dict[tuple[str, str, str, str], list[int]] = field(default_factory=dict)
    tallies: dict[tuple[str, str], int] = field(default_factory=dict)
    counting: set[tuple[str, str]] = field(default_factory=set)
    purged: list[Fare] = field(default_factory=list)
    kept: dict[tuple[str, str], Kept] = field(default_factory=dict)
    keeping: list[Kept] = field(default_factory=list)  # begun in this transaction
    answered: list[tuple[int, str, bytes | None, str]] = field(default_factory=list)
    freed: list[str] = field(default_factory=list)  # charges whose keys are free again

    def move(self, fare: Fare, reserved: int, settled: int) -> None:
        """Move money on every balance that the fare lies in."""
        places = places_of(fare.key_id, fare.team, fare.key_day, fare.day)
        for place in places:
            balance = self.balances.get(place)
            if balance is None:
                balance = self.balances[place] = [0, 0]
            balance[0] += settled
            balance[1] += reserved
        self.touched.update(places)

    def begin(self, fare: Fare) -> None:
        """Take in a new fare, enter it, and hold its price; also a free one opens its days."""
        self.fares[fare.id] = self.created[fare.id] = fare
        price = fare.reserved_micros
        self.entries.append((fare.id, 1, _RESERVE, price, 0, 0, self.now_us, "", "", ""))
        self.move(fare, price, 0)

    def accept(self, fare: Fare) -> None:
        """Enter an acceptance; it moves no money."""
        fare.seq += 1
        self.named[fare.id] = fare
        self.entries.append((fare.id, fare.seq, _ACCEPT, 0, 0, 0, self.now_us, "", "", ""))

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
        why: str,
    ) -> None:
        """Add an entry to a charge that is there already, and move its money."""
        fare.seq += 1
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
        if reserved or settled:
            self.move(fare, reserved, settled)

    def name(self, fare: Fare, place: tuple[str, str] | None) -> bool:
        """Give a fare its (account, prediction), if it has none and the id is nobody's."""
        if place is None or fare.prediction_id is not None or place in self.taken:
            return False
        fare.prediction_id = place[1]
        self.taken[place], self.named[fare.id] = fare.id, fare
        return True

    def count(self, name: str, label: str, by: int = 1) -> None:
        """Add to one of the counters that live in the ledger."""
        self.tallies[name, label] = self.tallies.get((name, label), 0) + by


@lru_cache(maxsize=16_384)
def places_of(key_id: str, team: str, key_day: str, day: str) -> tuple[Place, ...]:
    """List the balances that a key's fare lies in: its own, its team's, the installation's."""
    scopes = [(f"{KEY}:{key_id}", key_day), (INSTALLATION, day)]
    if team:
        scopes.append((f"{TEAM}:{team}", day))
    return tuple((scope, w, period_of(on, w)) for scope, on in scopes for w in (DAY, MONTH))


def scope_of(budget_scope: str, key: Key) -> str:
    """Name the balance of one of a key's scopes."""
    if budget_scope == KEY:
        return f"{KEY}:{key.id}"
    return f"{TEAM}:{key.team}" if budget_scope == TEAM else INSTALLATION


def standings(view: View, framed: Iterable[Frame]) -> tuple[Standing, ...]:
    """Say where budgets stand."""
    found = []
    for budget, place, zone, ends in framed:
        settled, reserved = view.balances.get(place, NOTHING)
        found.append(Standing(budget, place[2], zone, settled, reserved, ends))
    return tuple(found)


def own_standings(view: View, key: Key) -> tuple[Standing, ...]:
    """Say where a key's limited budgets stand, without those that it shares with others."""
    framed = footing(view, key).limited
    return standings(view, (frame for frame in framed if frame.budget.scope == KEY))


def limited(framed: Iterable[Frame]) -> list[Frame]:
    """List the budgets that have a limit."""
    return [frame for frame in framed if frame.budget.limit_micros is not None]


def fits_all(view: View, framed: Iterable[Frame], price: int) -> bool:
    """Say whether a price (micro-USD) fits under every one of these limits."""
    for budget, place, _, _ in framed:
        settled, reserved = view.balances.get(place, NOTHING)
        if not fits(budget.limit_micros, settled, reserved, price):
            return False
    return True


def footing(view: View, key: Key) -> Footing:
    """Find what binds a key now; once a transaction."""
    found = view.footings.get(key.id)
    if found is None or found.key is not key:
        found = view.footings[key.id] = _footing(view, key, *days_of(view, key))
    return found


def frames(view: View, key: Key, key_day: str, day: str) -> tuple[Frame, ...]:
    """Frame the budgets of a key on its days."""
    return _footing(view, key, key_day, day).frames


def _footing(view: View, key: Key, key_day: str, day: str) -> Footing:
    """Work out what binds a key; for one of the directory's, once a revision and day."""
    directory, now = view.directory, view.now_us
    zones = (directory.zone_of(key).at(now), directory.zone.at(now))
    asked = (key.id, key_day, day, zones)
    known = directory.keys.get(key.id) is key  # a key in hand may be of an older revision
    if known and (found := directory.worked_out.get(asked)) is not None:
        return found  # type: ignore[no-any-return]
    framed, held = tuple(_frames(view, key, key_day, day)), directory.paused(key)
    places = places_of(key.id, key.team, key_day, day)
    found = Footing(key, key_day, day, held, places, framed, tuple(limited(framed)))
    if known:
        if len(directory.worked_out) >= FRAMES_MAX:
            directory.worked_out.clear()
        directory.worked_out[asked] = found
    return found


def _frames(view: View, key: Key, key_day: str, day: str) -> Iterator[Frame]:
    directory = view.directory
    for budget in directory.budgets(key, key_day):
        mine = budget.scope == KEY
        own_day, zone = (key_day, directory.zone_of(key)) if mine else (day, directory.zone)
        place = (scope_of(budget.scope, key), budget.window, period_of(own_day, budget.window))
        ends = resets_us(own_day, budget.window, zone, view.now_us)
        yield Frame(budget, place, zone.at(view.now_us), ends)


def days_of(view: View, key: Key) -> tuple[str, str]:
    """Find the day of a key, and the day of teams and the installation."""
    now, shared, latest = view.now_us, view.directory.zone, view.latest
    today = day_at(now, shared)
    mine = today if key.zone is None else day_at(now, key.zone)
    return max(mine, latest.get(f"{KEY}:{key.id}", "")), max(today, latest.get(INSTALLATION, ""))
