"""What can be done to the ledger, one transaction's worth at a time. Pure.

An operation is applied to a `View`: the charges and balances it needs, loaded under the
write lock. It decides, changes the view and adds entries; the store writes down what
changed. So there is one rule about money, in Python, and no copy of it in SQL.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from pricing import Quote
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
    refusing,
    resets_us,
)
from proxy.charge import OPEN, TRANSITIONS, UNPROVEN, Event, Ground, State
from proxy.directory import REVOKED, Directory, Key

QUARTER_US = 900_000_000
KEPT_US = 24 * 3600 * 1_000_000  # how long an Idempotency-Key is remembered
UNPRICED = "unpriced"

Frame = tuple[Budget, tuple[str, str, str], str, int]  # what of a standing does not move with money


@dataclass(slots=True)
class Fare:
    """A charge in the hands of a transaction; its fields are the columns of `charges`."""

    id: str
    key_id: str
    key_name: str
    team: str
    account: str
    surface: str
    model: str
    called: str
    resolution: str
    task: str
    images: int
    unit_micros: int
    list_unit_micros: int | None
    price_version: str
    price_status: str
    price_assumed: int
    images_mode: str
    reserved_micros: int
    settled_micros: int
    sold_images: int
    state: str
    ground: str
    reason: str
    prediction_id: str | None
    key_day: str
    day: str
    admitted_us: int
    accepted_us: int | None
    decided_us: int | None
    due_us: int
    looks: int
    lease_owner: str
    lease_us: int
    owner: str
    tags: str
    body_hash: str
    provisional: int
    shadow: int
    seq: int
    refs: int = 0
    aspect: str = ""

    @property
    def cost_micros(self) -> int:
        """What the fare stands at: settled once decided, held before that."""
        return self.reserved_micros if self.state in OPEN else self.settled_micros

    def sold(self, outputs: int) -> tuple[int, int]:
        """Images and micro-USD of a completion; none at all settles as reserved."""
        if self.images_mode == "run" or outputs == 0 or self.price_status == UNPRICED:
            return self.images, self.reserved_micros
        return outputs, outputs * self.unit_micros


class BudgetSpent(Exception):
    """The price does not fit one of the budgets. Carries every standing, and the first refusing."""

    def __init__(self, refused: Standing, standings: tuple[Standing, ...], price: int) -> None:
        super().__init__("budget spent")
        self.refused, self.standings, self.price_micros = refused, standings, price


class KeyGone(Exception):
    """The key was revoked between the door and the ledger."""


class KeyHeld(Exception):
    """The key, its team or the installation is paused."""

    def __init__(self, scope: str) -> None:
        super().__init__(scope)
        self.scope = scope


@dataclass(frozen=True, slots=True)
class Kept:
    """A first answer under an `Idempotency-Key`; status 0 while there is none to repeat."""

    caller: str
    idempotency_key: str
    request_hash: str
    charge_id: str
    status: int = 0
    headers: str = "[]"
    body: bytes | None = None
    created_us: int = 0


class Repeated(Exception):
    """This Idempotency-Key was used before; carries what is kept of the first call."""

    def __init__(self, kept: Kept) -> None:
        super().__init__("repeated")
        self.kept = kept


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
        frames = view.frames[asked] = _frames(view, key, key_day, day)
    found = []
    for budget, place, zone, ends in frames:
        settled, reserved = view.balances.get(place, (0, 0))
        found.append(Standing(budget, place[2], zone, settled, reserved, ends))
    return tuple(found)


def _frames(view: View, key: Key, key_day: str, day: str) -> list[Frame]:
    directory, found = view.directory, []
    for budget in directory.budgets(key, key_day):
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


@dataclass(frozen=True, slots=True)
class Receipt:
    """The state of a charge after an operation, committed."""

    fare: Fare
    standings: tuple[Standing, ...] = ()
    changed: bool = True
    shadowed: bool = False


class Operation:
    """One thing to be done; `apply` runs under the write lock and must do no I/O."""

    __slots__ = ()
    charge_id: str
    loads = True  # whether the charge exists already

    def payer(self, view: View) -> Key | None:  # noqa: ARG002 - for those that do
        """Name the key whose standing decides, where no charge names it yet."""
        return None

    def scopes(self) -> Iterable[str]:
        """Name the scopes whose latest day the operation needs."""
        return ()

    def prediction(self) -> tuple[str, str] | None:
        """Name the (account, prediction) whose holder the operation needs."""
        return None

    def idempotency(self) -> tuple[str, str] | None:
        """Name the (caller, Idempotency-Key) that the operation looks at."""
        return None

    def apply(self, view: View) -> Any:
        """Decide and change the view."""
        raise NotImplementedError


@dataclass(slots=True)
class Reserve(Operation):
    """Take the fare of an order from every budget of a key, or refuse it whole."""

    loads = False

    charge_id: str
    key: Key
    price: Callable[[int], Quote | None]  # at an instant (microseconds); None is unpriced
    account: str
    surface: str
    owner: str
    tags: str = "{}"
    body_hash: str = ""
    called: str = ""
    task: str = ""
    provisional: bool = False
    due_in_us: int = 0
    once: Kept | None = None
    refs: int = 0
    aspect: str = ""

    def idempotency(self) -> tuple[str, str] | None:
        """Ask for what is kept under the call's Idempotency-Key."""
        return None if self.once is None else (self.once.caller, self.once.idempotency_key)

    def payer(self, view: View) -> Key:
        """Name the key as the directory has it now."""
        return view.directory.keys.get(self.key.id, self.key)

    def scopes(self) -> Iterable[str]:
        """Ask for the days of the key and of the installation."""
        return (f"{KEY}:{self.key.id}", INSTALLATION)

    def apply(self, view: View) -> Receipt:
        """Check in turn everything that can refuse; then write what cannot fail."""
        key = self.payer(view)
        if key.state == REVOKED:
            raise KeyGone
        self._first_time(view)
        if (held := view.directory.paused(key)) is not None:
            raise KeyHeld(held)
        quote = self.price(view.now_us)
        price = quote.price_micros if quote else 0
        key_day, day = days_of(view, key)
        before = standings(view, key, key_day, day)
        if (spent := refusing(before, price)) is not None:
            raise BudgetSpent(spent, before, price)
        shadowed = key.shadow and not all(s.fits(price) for s in before)
        fare = self._fare(view, key, quote, key_day, day)
        view.fares[fare.id] = view.created[fare.id] = fare
        view.enter(fare, Event.RESERVE, reserved=price)
        if self.once is not None:
            begun = replace(self.once, charge_id=fare.id, created_us=view.now_us)
            view.keeping.append(begun)
            view.kept[begun.caller, begun.idempotency_key] = begun
        return Receipt(fare, standings(view, key, key_day, day), shadowed=shadowed)

    def _first_time(self, view: View) -> None:
        if (place := self.idempotency()) is None:
            return
        kept = view.kept.get(place)
        if kept is not None and view.now_us - kept.created_us < KEPT_US:
            raise Repeated(kept)

    def _fare(self, view: View, key: Key, quote: Quote | None, key_day: str, day: str) -> Fare:
        return Fare(
            id=self.charge_id,
            key_id=key.id,
            key_name=key.name,
            team=key.team,
            account=self.account,
            surface=self.surface,
            model=quote.model if quote else "other",
            called=_printable(quote.called if quote else self.called, 200),
            resolution=quote.resolution if quote else "other",
            task=_printable(quote.task if quote else self.task, 64),
            images=quote.images if quote else 0,
            unit_micros=quote.unit_micros if quote else 0,
            list_unit_micros=quote.list_unit_micros if quote else None,
            price_version=quote.version if quote else "",
            price_status=quote.status if quote else UNPRICED,
            price_assumed=int(quote.assumed) if quote else 0,
            images_mode=quote.images_mode if quote else "run",
            reserved_micros=quote.price_micros if quote else 0,
            settled_micros=0,
            sold_images=0,
            state=State.RESERVED.value,
            ground="",
            reason="",
            prediction_id=None,
            key_day=key_day,
            day=day,
            admitted_us=view.now_us,
            accepted_us=None,
            decided_us=None,
            due_us=view.now_us + self.due_in_us,
            looks=0,
            lease_owner="",
            lease_us=0,
            owner=self.owner,
            tags=self.tags,
            body_hash=self.body_hash,
            provisional=int(self.provisional),
            shadow=int(key.shadow),
            seq=1,
            refs=self.refs,
            aspect=self.aspect,
        )


def _printable(text: str, chars: int) -> str:
    """Cut a caller's word to what every database and every terminal can take."""
    text = text[:chars]
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


@dataclass(slots=True)
class Accept(Operation):
    """Note the upstream's id; with `charge_now` the fare is settled there and then."""

    charge_id: str
    account: str
    prediction_id: str
    charge_now: bool = False
    due_in_us: int = 0
    answer: tuple[int, str, bytes | None] | None = None

    def prediction(self) -> tuple[str, str]:
        """Ask who has this id already."""
        return self.account, self.prediction_id

    def apply(self, view: View) -> Receipt:
        """Accept; an id handed out twice makes the new fare uncertain, the old one stays."""
        fare = view.fares[self.charge_id]
        if fare.prediction_id == self.prediction_id:
            return receipt(view, fare, changed=False)
        holder = view.taken.get((self.account, self.prediction_id))
        if holder not in (None, fare.id):
            if fare.state != State.RESERVED:
                return receipt(view, fare, changed=False)
            return doubt(view, fare, "prediction id handed out twice")
        if (State(fare.state), Event.ACCEPT) not in TRANSITIONS:
            return receipt(view, fare, changed=False)
        fare.state, fare.prediction_id = State.ACCEPTED.value, self.prediction_id
        fare.accepted_us, fare.due_us = view.now_us, view.now_us + self.due_in_us
        view.taken[self.account, self.prediction_id] = fare.id
        view.enter(fare, Event.ACCEPT)
        if self.answer is not None:
            view.answered.append((*self.answer, fare.id))
        if self.charge_now:
            settle(view, fare, 0, ground=Ground.SUBMIT)
        return receipt(view, fare)


@dataclass(slots=True)
class Decide(Operation):
    """Settle (`outputs` is a number) or release (None) a charge, once, on a ground."""

    charge_id: str
    outputs: int | None
    ground: Ground
    reason: str = ""
    actor: str = ""
    answer: tuple[int, str, bytes | None] | None = None

    def apply(self, view: View) -> Receipt:
        """Decide an open charge; correct one that was decided without proof."""
        fare = view.fares[self.charge_id]
        if self.answer is not None and self.outputs is not None:
            view.answered.append((*self.answer, fare.id))
        ground, why, actor = self.ground, self.reason, self.actor
        if fare.state in OPEN:
            if self.outputs is None:
                release(view, fare, ground=ground, why=why, actor=actor)
            else:
                settle(view, fare, self.outputs, ground=ground, why=why, actor=actor)
            return receipt(view, fare)
        if self._proves(fare):
            moved = correct(view, fare, self.outputs, ground=ground, why=why, actor=actor)
            return receipt(view, fare, changed=moved)
        return receipt(view, fare, changed=False)

    def _proves(self, fare: Fare) -> bool:
        if self.ground is Ground.SUBMIT or self.ground is Ground.ASSUMED:
            return False
        if fare.ground == Ground.SUBMIT:
            return self.outputs is not None
        return fare.ground in UNPROVEN


@dataclass(slots=True)
class Doubt(Operation):
    """Nobody can tell what became of the call: held until evidence, a hand or time decides."""

    charge_id: str
    reason: str
    account: str = ""
    prediction_id: str | None = None

    def prediction(self) -> tuple[str, str] | None:
        """Ask who has the id already, where an answer showed one."""
        return (self.account, self.prediction_id) if self.prediction_id else None

    def apply(self, view: View) -> Receipt:
        """Make an undecided charge uncertain; with an id that is free it can still be polled."""
        fare = view.fares[self.charge_id]
        place = self.prediction()
        if place and fare.state in OPEN and not fare.prediction_id and place not in view.taken:
            fare.prediction_id = self.prediction_id
            view.taken[place] = fare.id
            view.changed[fare.id] = fare
        if (State(fare.state), Event.DOUBT) not in TRANSITIONS:
            return receipt(view, fare, changed=False)
        return doubt(view, fare, self.reason)


@dataclass(slots=True)
class Purge(Operation):
    """Remove the traces of a call by a key that the upstream turned away."""

    charge_id: str

    def apply(self, view: View) -> Receipt:
        """Give the fare back; unless its key was kept meanwhile, forget it altogether."""
        fare = view.fares[self.charge_id]
        if fare.state not in OPEN:
            return receipt(view, fare, changed=False)
        if not fare.provisional:
            release(view, fare, ground=Ground.ANSWER, why="auth")
            return receipt(view, fare)
        view.move(fare, -fare.reserved_micros, 0)
        view.freed.append(fare.id)
        view.purged.append(view.fares.pop(fare.id))
        return Receipt(fare)


@dataclass(slots=True)
class Postpone(Operation):
    """Look at an undecided charge again later; no money moves, so there is no entry."""

    charge_id: str
    due_us: int
    looked: bool = True

    def apply(self, view: View) -> Receipt:
        """Set the next look and let go of the lease."""
        fare = view.fares[self.charge_id]
        if fare.state in OPEN:
            fare.due_us, fare.lease_owner, fare.lease_us = self.due_us, "", 0
            fare.looks += int(self.looked)
            view.changed[fare.id] = fare
        return receipt(view, fare, changed=False)


def receipt(view: View, fare: Fare, *, changed: bool = True) -> Receipt:
    """Say how the charge and its key's budgets stand now."""
    key = view.directory.keys.get(fare.key_id)
    if key is None:
        return Receipt(fare, (), changed)
    return Receipt(fare, standings(view, key, *days_of(view, key)), changed)


def doubt(view: View, fare: Fare, reason: str) -> Receipt:
    """Make a charge uncertain; its money stays held."""
    fare.state, fare.reason, fare.due_us = State.UNCERTAIN.value, reason, view.now_us
    view.enter(fare, Event.DOUBT, why=reason)
    return receipt(view, fare)


def release(view: View, fare: Fare, *, ground: Ground, why: str = "", actor: str = "") -> None:
    """Give the whole fare back, and free its Idempotency-Key."""
    view.freed.append(fare.id)
    _close(view, fare, State.RELEASED, ground, why)
    view.enter(
        fare, Event.RELEASE, reserved=-fare.reserved_micros, ground=ground, actor=actor, why=why
    )


def settle(
    view: View, fare: Fare, outputs: int, *, ground: Ground, why: str = "", actor: str = ""
) -> None:
    """Charge what was sold; more than was reserved is an overrun, counted."""
    images, micros = fare.sold(outputs)
    _close(view, fare, State.SETTLED, ground, why)
    _overrun(view, fare, micros)
    fare.settled_micros, fare.sold_images = micros, images
    view.enter(
        fare,
        Event.SETTLE,
        reserved=-fare.reserved_micros,
        settled=micros,
        images=images,
        ground=ground,
        actor=actor,
        why=why,
    )
    roll_up(view, fare, micros, images, calls=1)


def correct(
    view: View,
    fare: Fare,
    outputs: int | None,
    *,
    ground: Ground,
    why: str = "",
    actor: str = "",
) -> bool:
    """Put a decision without proof right; True if money moved. The state stays as it was."""
    images, micros = (0, 0) if outputs is None else fare.sold(outputs)
    if fare.ground == Ground.SUBMIT:  # outcomes then add overruns only
        images, micros = max(images, fare.sold_images), max(micros, fare.settled_micros)
    move, more = micros - fare.settled_micros, images - fare.sold_images
    fare.ground = ground.value
    view.changed[fare.id] = fare
    if not move and not more:
        return False
    _overrun(view, fare, micros)
    fare.settled_micros, fare.sold_images = micros, images
    view.enter(fare, Event.CORRECT, settled=move, images=more, ground=ground, actor=actor, why=why)
    view.count("corrections", "up" if move > 0 else "down", abs(move))
    roll_up(view, fare, move, more, calls=0)
    return True


def _close(view: View, fare: Fare, state: State, ground: Ground, why: str) -> None:
    fare.state, fare.ground, fare.reason = state.value, ground.value, why
    fare.decided_us, fare.lease_owner = view.now_us, ""


def _overrun(view: View, fare: Fare, micros: int) -> None:
    if micros <= max(fare.reserved_micros, fare.settled_micros):
        return
    view.count("overruns", fare.model)
    if fare.images_mode == "one":
        view.counting.add((fare.price_version, fare.model))


def roll_up(view: View, fare: Fare, micros: int, images: int, *, calls: int) -> None:
    """Add settled money to the reports' roll-up and to the counters of the metrics."""
    if fare.price_status == UNPRICED:
        return
    unit = fare.unit_micros if fare.list_unit_micros is None else fare.list_unit_micros
    place = (
        fare.admitted_us // QUARTER_US,
        fare.key_id,
        fare.key_name,
        fare.team,
        fare.model,
        fare.resolution,
        fare.task,
        fare.price_version,
        fare.tags,
    )
    row = view.spend.setdefault(place, [0, 0, 0, 0])
    for index, value in enumerate((calls, images, micros, images * unit)):
        row[index] += value
    if micros > 0 or images > 0:
        total = view.totals.setdefault(
            (fare.team, fare.key_name, fare.model, fare.resolution), [0, 0]
        )
        total[0] += max(micros, 0)
        total[1] += max(images, 0)
