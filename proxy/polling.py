"""One poll, let through whatever the budget says: its image is paid for already."""

import contextlib
import time
from dataclasses import dataclass
from functools import partial

from proxy.answers import poll_outcome, poll_status
from proxy.call import Call
from proxy.charge import OPEN, UNPROVEN, Ground, State
from proxy.crossing import Crossing
from proxy.deciding import Deciding
from proxy.door import Caller
from proxy.errors import PredictionNotFound
from proxy.fares import Fares
from proxy.heads import Head
from proxy.ledger.fare import Fare
from proxy.ledger.operation import Receipt
from proxy.ledger.reader import bought
from proxy.ledger.session import LedgerFault
from proxy.outline import TRUNCATED
from proxy.passing import as_passed, document_of, pass_stream, shows_running
from proxy.places import is_likely
from proxy.quoting import Quoting
from proxy.shared_polls import Said, SharedPolls
from proxy.upstream import UpstreamError

_UNSURE = UNPROVEN | {Ground.ANSWER}  # grounds of decisions that an answer may contradict
REFUSED = 400  # the first status that says no


@dataclass
class Polling:
    """Relays polls, and learns from them what became of a fare."""

    fares: Fares
    quoting: Quoting
    crossing: Crossing
    deciding: Deciding
    shared: SharedPolls | None = None

    async def __call__(self, call: Call, head: Head, body: bytes) -> None:
        """Answer one poll."""
        fare = self._at_hand(call, head.caller) or await self._bought(call, head.caller)
        if fare is not None:
            self.quoting.note(call, Receipt(fare, changed=False))
        try:
            answer, read = await self._look_up(call, head, body)
        except UpstreamError as error:
            raise self.crossing.silent(error) from error
        manner = head.manner
        if read is None:
            learn = partial(self._streamed, call, fare, answer.status)
            await pass_stream(call, answer, manner, call.ours, learn)
            return
        unsure = fare is not None and (fare.state in OPEN or fare.ground in _UNSURE)
        if unsure and not shows_running(answer.encoding, read):
            document = document_of(answer.encoding, read)
            self._seen(call, fare, poll_status(answer.status, document))
            await self._learn(call, fare, answer.status, document)
        else:
            self._seen(call, fare, answer.status)
        headers, passed = as_passed(call, answer, read, manner)
        await call.answer(answer.status, [*headers, *call.ours], passed)

    def _at_hand(self, call: Call, caller: Caller) -> Fare | None:
        if caller.unseen:
            return None
        return self.fares.at_hand(call.routed.prediction_id or "", caller.key)

    async def _bought(self, call: Call, caller: Caller) -> Fare | None:
        """Find the fare of a prediction; with a Farebox key only what this key bought exists."""
        if caller.unseen:
            return None
        prediction_id = call.routed.prediction_id or ""
        fare = await self.fares.find(prediction_id, caller.key)
        if fare is None and caller.own_secret is None:
            fare = await self.fares.find_surely(prediction_id, caller.key)
            if fare is None:
                raise PredictionNotFound
        return fare

    async def _look_up(self, call: Call, head: Head, body: bytes) -> Said:
        """Ask the upstream; where polls are shared, perhaps by way of another call's poll."""
        ask = partial(self._ask, call, head, body)
        if self.shared is None or body or call.method != b"GET" or head.caller.unseen:
            return await ask()
        started = time.perf_counter()
        said = await self.shared.ask((head.caller.key.id, call.target, tuple(call.headers)), ask)
        call.upstream_s = time.perf_counter() - started
        return said

    async def _ask(self, call: Call, head: Head, body: bytes) -> Said:
        answer = await self.crossing.send(call, head, body, submit=False)
        return answer, await self.crossing.read(call, answer)

    def _seen(self, call: Call, fare: Fare | None, status: int) -> None:
        """Put our own look off; not for a client that is told nothing, at a wrong address say."""
        if fare is not None and status < REFUSED and is_likely(fare, call.routed.segments):
            self.fares.seen(fare)

    async def _streamed(self, call: Call, fare: Fare | None, status: int, document: object) -> None:
        if document is not TRUNCATED:
            self._seen(call, fare, poll_status(status, document))
        await self._learn(call, fare, status, document)

    async def _learn(self, call: Call, fare: Fare | None, status: int, document: object) -> None:
        """Decide what a poll shows to be over.

        Not where the acceptance itself waits to be written: the id may turn out to be another
        fare's, and the reconciler will ask.
        """
        if fare is None or fare.state == State.RESERVED:
            return
        routed = call.routed
        guessed = not is_likely(fare, routed.segments)
        outcome = poll_outcome(status, document, asked=routed.prediction_id or "", named=guessed)
        noted = await self.deciding.polled(fare, outcome)
        if noted is None and fare.state in OPEN:
            noted = await self._heard_elsewhere(fare)
        if noted is not None:
            self.quoting.note(call, noted)

    async def _heard_elsewhere(self, fare: Fare) -> Receipt | None:
        """Look a fare up whose answer tells nothing: another process may have heard its end."""
        question = bought(fare.prediction_id or "", key_id=fare.key_id)
        with contextlib.suppress(LedgerFault):
            if (found := await self.fares.reader.ask(question)) is not None:
                receipt = Receipt(found, changed=False)
                self.fares.remember(receipt)
                return receipt
        return None
