"""What becomes of a fare, written down: by a submit's answer, by its absence, by a poll."""

import logging
from dataclasses import dataclass, replace

from proxy.answers import Outcome
from proxy.charge import OPEN, UNPROVEN, Ground, State
from proxy.directory import Key
from proxy.door import Caller
from proxy.errors import shown
from proxy.fares import Fares
from proxy.ledger.fare import UNPRICED, Fare
from proxy.ledger.operation import Receipt
from proxy.ledger.outcomes import Accept, Decide, Doubt, Purge, contradicts
from proxy.repeats import KeptAnswer
from proxy.upstream import NotSent, UpstreamError

log = logging.getLogger("farebox")


@dataclass(frozen=True, slots=True)
class Deciding:
    """Turns outcomes into operations of the ledger.

    Each returns the charge as it stands then; None if that could not be written yet.
    """

    fares: Fares
    charge_on_submit: bool

    async def answered(
        self, fare: Fare, outcome: Outcome, answer: KeptAnswer | None
    ) -> Receipt | None:
        """Write down what the answer to a submit decides."""
        prediction = outcome.prediction_id
        noted = None
        if prediction is not None and outcome.kind in ("accepted", "completed", "failed"):
            noted = await self.fares.record(self._accept(fare, prediction, answer))
            if noted is None:
                self.fares.bear_in_mind(fare, prediction)
            elif noted.fare.prediction_id != prediction:
                log.warning("prediction %s was handed out twice: charge %s stays uncertain",
                            shown(prediction), fare.id)  # fmt: skip
                return noted  # whatever else the answer says
        if outcome.kind == "completed":
            outputs, whole = outcome.outputs, self.charge_on_submit
            return await self.fares.record(
                Decide(fare.id, outputs, Ground.ANSWER, outcome.word, answer=answer, whole=whole)
            )
        if outcome.kind in ("failed", "refused"):
            return await self.fares.record(Decide(fare.id, None, Ground.ANSWER, outcome.word))
        if outcome.kind == "accepted" and prediction is not None:
            return noted
        return await self.fares.record(Doubt(fare.id, outcome.word, fare.account, prediction))

    def _accept(self, fare: Fare, prediction_id: str, answer: KeptAnswer | None) -> Accept:
        return Accept(
            fare.id,
            fare.account,
            prediction_id,
            charge_now=self.charge_on_submit and fare.price_status != UNPRICED,
            due_in_us=self.fares.poll_after_us,
            answer=answer,
        )

    async def unanswered(self, fare: Fare, error: UpstreamError, caller: Caller) -> Receipt | None:
        """Release what is proven not to have been sent; anything else is uncertain."""
        if not isinstance(error, NotSent):
            return await self.fares.record(Doubt(fare.id, "no answer"))
        if caller.unseen:
            return await self.turned_away(fare, caller.key)
        return await self.fares.record(Decide(fare.id, None, Ground.UNSENT, "not sent"))

    async def turned_away(self, fare: Fare, key: Key) -> Receipt:
        """Remove the traces of a call by a key that the upstream has not let in."""
        noted = await self.fares.record(Purge(fare.id, key))
        left = () if noted is None else noted.standings
        return Receipt(replace(fare, state=State.RELEASED.value, settled_micros=0), left)

    async def polled(self, fare: Fare, outcome: Outcome) -> Receipt | None:
        """Settle or release what a poll shows to be over; once, however often it is read."""
        if outcome.kind not in ("completed", "failed"):
            return None
        outputs = outcome.outputs if outcome.kind == "completed" else None
        if fare.state not in OPEN and fare.ground not in UNPROVEN:
            if not contradicts(fare, outputs):
                return None
            log.warning("charge %s is %s, and its prediction %s now",
                        fare.id, fare.state, outcome.kind)  # fmt: skip
        return await self.fares.record(Decide(fare.id, outputs, Ground.ANSWER, outcome.word))
