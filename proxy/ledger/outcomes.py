"""What becomes of a reserved fare: accepted, decided, in doubt, forgotten, put off. Pure."""

from dataclasses import dataclass

from proxy.charge import OPEN, TRANSITIONS, UNPROVEN, Event, Ground, State
from proxy.directory import Key
from proxy.ledger.fare import UNPRICED, Fare
from proxy.ledger.operation import Operation, Receipt, receipt
from proxy.ledger.settlement import contradict, correct, release, settle
from proxy.ledger.view import View, footing, standings

_ACCEPTABLE = frozenset(state for state, event in TRANSITIONS if event is Event.ACCEPT)
_DOUBTABLE = frozenset(state for state, event in TRANSITIONS if event is Event.DOUBT)
_UNHEARD = frozenset({State.RESERVED})
_ACCEPTED, _UNCERTAIN = State.ACCEPTED.value, State.UNCERTAIN.value  # to look them up costs 0.5 us


@dataclass(slots=True)
class Accept(Operation):
    """Note the upstream's id; with `charge_now` the fare is settled there and then."""

    charge_id: str
    account: str
    prediction_id: str
    charge_now: bool = False
    due_in_us: int = 0
    answer: tuple[int, str, bytes | None] | None = None

    @property
    def moves(self) -> bool:
        """Whether the fare is settled as well."""
        return self.charge_now

    def prediction(self) -> tuple[str, str]:
        """Ask who has this id already."""
        return self.account, self.prediction_id

    def apply(self, view: View) -> Receipt:
        """Accept; an id handed out twice makes the new fare uncertain, the old one stays."""
        fare = view.fares[self.charge_id]
        if fare.prediction_id == self.prediction_id:
            return Receipt(fare, changed=False)
        holder = view.taken.get((self.account, self.prediction_id))
        if holder not in (None, fare.id):
            return Receipt(fare, changed=self._doubt(view, fare))
        if fare.state not in _ACCEPTABLE:
            view.name(fare, self.prediction())  # decided already: its polls may yet put it right
            return Receipt(fare, changed=False)
        fare.state, fare.prediction_id = _ACCEPTED, self.prediction_id
        fare.accepted_us, fare.due_us = view.now_us, view.now_us + self.due_in_us
        view.taken[self.account, self.prediction_id] = fare.id
        view.accept(fare)
        if self.answer is not None:
            view.answered.append((*self.answer, fare.id))
        if self.charge_now:
            settle(view, fare, 0, ground=Ground.SUBMIT)
        return Receipt(fare)

    def _doubt(self, view: View, fare: Fare) -> bool:
        """Doubt a fare that nothing is known of yet; whether it changed."""
        if fare.state != State.RESERVED:
            return False
        doubt(view, fare, "prediction id handed out twice")
        return True


@dataclass(slots=True)
class Decide(Operation):
    """Settle (`outputs` is a number) or release (None) a charge, once, on a ground."""

    charge_id: str
    outputs: int | None
    ground: Ground
    reason: str = ""
    actor: str = ""
    answer: tuple[int, str, bytes | None] | None = None
    whole: bool = False  # charged at the submit: as many images as were reserved, at the least

    def apply(self, view: View) -> Receipt:
        """Decide an open charge; correct one that was decided without proof, or contradicted."""
        fare = view.fares[self.charge_id]
        if self.answer is not None and self.outputs is not None:
            view.answered.append((*self.answer, fare.id))
        ground, why, actor = self.ground, self.reason, self.actor
        if fare.state in OPEN:
            if self.outputs is None:
                release(view, fare, ground=ground, why=why, actor=actor)
            else:
                outputs = max(self.outputs, fare.images) if self.whole else self.outputs
                settle(view, fare, outputs, ground=ground, why=why, actor=actor)
            return receipt(view, fare)
        if self._proves(fare):
            moved = correct(view, fare, self.outputs, ground=ground, why=why, actor=actor)
            return receipt(view, fare, changed=moved)
        if self.ground is Ground.ANSWER and contradicts(fare, self.outputs):
            moved = contradict(view, fare, self.outputs, why=why, actor=actor)
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
    unheard: bool = False  # said of what was read a while ago: holds only if nothing came since

    def prediction(self) -> tuple[str, str] | None:
        """Ask who has the id already, where an answer showed one."""
        return (self.account, self.prediction_id) if self.prediction_id else None

    def apply(self, view: View) -> Receipt:
        """Make an undecided charge uncertain; with an id that is free it can still be polled."""
        fare = view.fares[self.charge_id]
        if fare.state in OPEN:
            view.name(fare, self.prediction())
        if fare.state not in (_UNHEARD if self.unheard else _DOUBTABLE):
            return receipt(view, fare, changed=False)
        doubt(view, fare, self.reason)
        return receipt(view, fare)


@dataclass(slots=True)
class Purge(Operation):
    """Remove the traces of a call by a key that the upstream turned away; `key` is that one."""

    charge_id: str
    key: Key | None = None

    def payer(self, view: View) -> Key | None:
        """Name the key, so that what it has left can be told."""
        return self.key and view.directory.keys.get(self.key.id, self.key)

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
        key = self.payer(view)
        return Receipt(fare, () if key is None else standings(view, footing(view, key).limited))


@dataclass(slots=True)
class Withdraw(Decide):
    """Release what was reserved for `key` by a commit that failed, if it is there after all.

    That commit may be under way yet: its connection broke, and the server goes on. It holds the
    balances of the key until it is over, so the charge is looked for once they are ours.
    """

    key: Key | None = None

    def payer(self, view: View) -> Key | None:
        """Name the key, whose balances the commit holds."""
        return self.key and view.directory.keys.get(self.key.id, self.key)


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


def contradicts(fare: Fare, outputs: int | None) -> bool:
    """Say whether an outcome is the contrary of the upstream's word that a decision rests on.

    The state does not tell: a correction leaves it as it was.
    """
    heard = fare.ground == Ground.ANSWER and fare.price_status != UNPRICED
    return heard and fare.state not in OPEN and (fare.sold_images > 0) == (outputs is None)


def doubt(view: View, fare: Fare, reason: str) -> None:
    """Make a charge uncertain; its money stays held."""
    fare.state, fare.reason, fare.due_us = _UNCERTAIN, reason, view.now_us
    view.enter(fare, Event.DOUBT, why=reason)
