"""What a statement says, written into the ledger: a charge is put at what was billed for it."""

from dataclasses import dataclass

from proxy.charge import OPEN, Event, Ground
from proxy.ledger.fare import UNPRICED, Fare
from proxy.ledger.operation import Operation, Receipt, receipt
from proxy.ledger.settlement import release, roll_up, settle
from proxy.ledger.view import View


@dataclass(slots=True)
class Bill(Operation):
    """Put a charge at what its statement says, in micro-USD; 0 is never billed.

    It sets, it does not add, so a statement that is applied again moves nothing. An open
    charge is decided by it first. An id that only the statement knows is kept if it is free.
    """

    charge_id: str
    micros: int
    actor: str
    why: str
    account: str = ""
    prediction_id: str | None = None

    def prediction(self) -> tuple[str, str] | None:
        """Ask who has the id already, where the statement showed one."""
        return (self.account, self.prediction_id) if self.prediction_id else None

    def apply(self, view: View) -> Receipt:
        """Decide an open charge, then correct what is left of the difference."""
        fare = view.fares[self.charge_id]
        if fare.price_status == UNPRICED:
            return receipt(view, fare, changed=False)
        known = self._name(view, fare)
        decided = fare.state in OPEN
        if decided:
            self._decide(view, fare)
        moved = self._correct(view, fare)
        return receipt(view, fare, changed=known or decided or moved)

    def _name(self, view: View, fare: Fare) -> bool:
        place = self.prediction()
        if place is None or fare.prediction_id is not None or place in view.taken:
            return False
        fare.prediction_id = self.prediction_id
        view.taken[place], view.changed[fare.id] = fare.id, fare
        return True

    def _decide(self, view: View, fare: Fare) -> None:
        if self.micros:
            settle(view, fare, 0, ground=Ground.STATEMENT, why=self.why, actor=self.actor)
        else:
            release(view, fare, ground=Ground.STATEMENT, why=self.why, actor=self.actor)

    def _correct(self, view: View, fare: Fare) -> bool:
        move = self.micros - fare.settled_micros
        if not move:
            return False
        images = self._images(fare)
        more = images - fare.sold_images
        fare.settled_micros, fare.sold_images, fare.ground = self.micros, images, Ground.STATEMENT
        view.enter(
            fare, Event.CORRECT, settled=move, images=more,
            ground=Ground.STATEMENT, actor=self.actor, why=self.why,
        )  # fmt: skip
        view.count("corrections", "up" if move > 0 else "down", abs(move))
        roll_up(view, fare, move, more, calls=0)
        return True

    def _images(self, fare: Fare) -> int:
        """Count what was billed: nothing for nothing; a whole number of images where it is one."""
        if not self.micros:
            return 0
        each = fare.unit_micros
        if fare.images_mode != "run" and each and self.micros % each == 0:
            return self.micros // each
        return fare.sold_images or fare.images
