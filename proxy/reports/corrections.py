"""What a statement says, written into the ledger: a charge is put at what was billed for it."""

from dataclasses import dataclass

from proxy.charge import OPEN, Ground
from proxy.ledger.fare import UNPRICED, Fare
from proxy.ledger.operation import Operation, Receipt, receipt
from proxy.ledger.settlement import put_at, release, settle
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
        known = view.name(fare, self.prediction())
        decided = fare.state in OPEN
        if decided:
            self._decide(view, fare)
        moved = self._correct(view, fare)
        return receipt(view, fare, changed=known or decided or moved)

    def _decide(self, view: View, fare: Fare) -> None:
        if self.micros:
            settle(view, fare, 0, ground=Ground.STATEMENT, why=self.why, actor=self.actor)
        else:
            release(view, fare, ground=Ground.STATEMENT, why=self.why, actor=self.actor)

    def _correct(self, view: View, fare: Fare) -> bool:
        if self.micros == fare.settled_micros:
            return False
        put_at(
            view, fare, self.micros, self._images(fare),
            ground=Ground.STATEMENT, why=self.why, actor=self.actor,
        )  # fmt: skip
        return True

    def _images(self, fare: Fare) -> int:
        """Count what was billed: nothing for nothing; a whole number of images where it is one."""
        if not self.micros:
            return 0
        each = fare.unit_micros
        if fare.images_mode != "run" and each and self.micros % each == 0:
            return self.micros // each
        return fare.sold_images or fare.images
