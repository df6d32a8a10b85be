"""The relay's side of the ledger: take a fare, note what became of it, find it again.

What must be on disk before the call goes on is awaited. What is learnt after the upstream has
acted and cannot be written now is kept in memory and written as soon as it can be: giving up on
it would lose a fare, and guessing would make a false one.
"""

import asyncio
import contextlib
import logging
import os
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import islice

from proxy.budget import Standing
from proxy.charge import OPEN, Ground
from proxy.clock import now_us
from proxy.directory import Key
from proxy.errors import LedgerUnavailable
from proxy.ledger.fare import Fare
from proxy.ledger.leases import hand_on, leaseholders
from proxy.ledger.operation import Operation, Receipt
from proxy.ledger.outcomes import Accept, Decide, Doubt, Purge, Withdraw
from proxy.ledger.reader import Reader, bought, where_stands
from proxy.ledger.refusals import PricesMoved
from proxy.ledger.reserve import Reserve
from proxy.ledger.session import LedgerFault, Session
from proxy.ledger.writer import Writer
from proxy.newest import Newest
from proxy.processes import is_gone, process_name
from proxy.writable import Writable

# Fares at hand for polls, about 2 KB each: few ask again for what they saw decided.
OPEN_MAX, DECIDED_MAX = 50_000, 5_000
AGAIN_AFTER_S = 0.25
AGAIN_MAX = 256
UNWRITTEN_MAX = 4_096  # operations that wait for the ledger: with so many, no more is taken
log = logging.getLogger("farebox")
_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32, in the order of ASCII
DRAWN, CHANCE_DIGITS = 128, 10
_CHANCES: list[str] = []
_PAIRS = [first + second for first in _ALPHABET for second in _ALPHABET]
_OF_BYTES = (_ALPHABET * 8).encode()  # each digit for eight of the bytes


def new_id(at_us: int) -> str:
    """Make the id of a charge: time first, so that neighbours in time are neighbours on disk."""
    if not _CHANCES:
        _CHANCES.extend(_drawn())
    at = _in_32(at_us >> 20) + _PAIRS[at_us >> 10 & 1023] + _PAIRS[at_us & 1023]
    return f"fb_{at}{_CHANCES.pop()}"


def _drawn() -> Iterator[str]:
    """Draw the last ten digits of some ids: to ask the system for each was half of an id."""
    drawn = os.urandom(CHANCE_DIGITS * DRAWN).translate(_OF_BYTES).decode()
    for at in range(0, len(drawn), CHANCE_DIGITS):
        yield drawn[at : at + CHANCE_DIGITS]


@lru_cache(maxsize=4)
def _in_32(second: int) -> str:
    """Write the digits of an instant that stay the same for a second."""
    digits = ""
    while second:
        digits = _ALPHABET[second & 31] + digits
        second >>= 5
    return digits


async def _nobody() -> None:
    """Follow no change of prices."""


@dataclass
class Fares:
    """Charges, as one worker handles them."""

    writer: Writer
    reader: Reader
    poll_after_us: int
    charge_on_submit: bool = False
    give_up_us: int = 86_400_000_000
    owner: str = field(default_factory=process_name)
    on_decided: Callable[[Fare], None] = lambda _: None
    on_overrun: Callable[[Fare], None] = lambda _: None
    on_fault: Callable[[str], None] = lambda _: None
    on_moved: Callable[[], Awaitable[None]] = _nobody  # reads the prices again

    def __post_init__(self) -> None:
        # Not dicts: to find the first key of one that lost many is to pass all their places.
        self._open: OrderedDict[tuple[str, str], tuple[Fare, int]] = OrderedDict()
        self._decided: OrderedDict[tuple[str, str], tuple[Fare, int]] = OrderedDict()
        self._unwritten: deque[Operation] = deque()
        self._in_mind: dict[tuple[str, str], Fare] = {}  # whose acceptance is unwritten
        self._retrying: asyncio.Task[None] | None = None
        self._seen: set[str] = set()
        self.newest, self.writable = Newest(self.writer, self.reader), Writable(self.writer)

    async def reserve(self, operation: Reserve) -> Receipt:
        """Take a fare, durably; whatever refuses it is raised.

        Raises:
            LedgerUnavailable: it is not known to be on disk, so nothing may be sent.
        """
        if len(self._unwritten) >= UNWRITTEN_MAX:
            raise LedgerUnavailable  # each call that is refused for it leaves one more to withdraw
        try:
            try:
                return await self.writer.do(operation)
            except PricesMoved:
                await self.on_moved()  # the operation asks for its price again
                return await self.writer.do(operation)
        except PricesMoved as moved:
            raise LedgerUnavailable from moved
        except LedgerFault as fault:
            if fault.kind in {"commit", "full", "corrupt", "late"}:
                # It may be there after all, or be yet to come. Nothing was sent: give it back.
                why, key = "commit failed", operation.key
                self._later(Withdraw(operation.charge_id, None, Ground.UNSENT, why, key=key))
            raise LedgerUnavailable from fault

    async def record(self, operation: Accept | Decide | Doubt | Purge) -> Receipt | None:
        """Note what became of a fare; None if it could not be written yet, but will be."""
        if self._unwritten:
            self._later(operation)
            return None
        try:
            receipt = await self.writer.do(operation)
        except LedgerFault as fault:
            self.on_fault(fault.kind)
            if fault.kind != "missing":
                self._later(operation)
            return None
        except Exception:
            log.exception("charge %s: what became of it was not written", operation.charge_id)
            return None  # the caller's answer is paid for; the fare will be found again
        self.remember(receipt)
        return receipt

    def remember(self, receipt: Receipt) -> None:
        """Keep a charge at hand for the polls to come."""
        fare = receipt.fare
        if receipt.changed and fare.state not in OPEN:
            self.on_decided(fare)
            if fare.settled_micros > fare.reserved_micros:
                self.on_overrun(fare)
        if fare.prediction_id is None:
            return
        name = fare.prediction_id, fare.key_id
        kept, other, most = self._open, self._decided, OPEN_MAX
        if fare.state not in OPEN:
            kept, other, most = other, kept, DECIDED_MAX
        other.pop(name, None)
        kept[name] = fare, self.writer.directory.revision
        kept.move_to_end(name)
        if len(kept) > most:
            kept.popitem(last=False)

    def at_hand(self, prediction_id: str, key: Key) -> Fare | None:
        """Find the charge of a prediction that a key bought, if it need not be looked up.

        It must be where it may have been decided elsewhere: by hand or by a bill, which moves the
        directory's revision on, or by another process that gave it up.
        """
        name = prediction_id, key.id
        if (kept := self._kept(name)) is None:
            return self._in_mind.get(name)
        fare, revision = kept
        if revision != self.writer.directory.revision:
            return None
        ends_us = fare.admitted_us + self.give_up_us
        return fare if fare.state not in OPEN or now_us() < ends_us else None

    def _kept(self, name: tuple[str, str]) -> tuple[Fare, int] | None:
        return self._open.get(name) or self._decided.get(name)

    def bear_in_mind(self, fare: Fare, prediction_id: str) -> None:
        """Know an id that could not be written yet: its caller polls at once, and may."""
        if self._unwritten:  # else it never will be
            self._in_mind[prediction_id, fare.key_id] = replace(fare, prediction_id=prediction_id)

    async def find(self, prediction_id: str, key: Key) -> Fare | None:
        """Find the charge of a prediction that a key bought.

        Raises:
            LedgerUnavailable: it cannot be known now.
        """
        if (fare := self.at_hand(prediction_id, key)) is not None:
            return fare
        try:
            fare = await self.reader.ask(bought(prediction_id, key_id=key.id))
        except LedgerFault as fault:
            if (kept := self._kept((prediction_id, key.id))) is None:
                raise LedgerUnavailable from fault
            return kept[0]  # polls go on
        if fare is None and self._unwritten:
            raise LedgerUnavailable  # it may be among what is not written yet
        if fare is not None:
            self.remember(Receipt(fare, changed=False))
        return fare

    async def find_surely(self, prediction_id: str, key: Key) -> Fare | None:
        """Find one that was not found; None only if no other worker can have it in memory alone.

        Where nothing can be written, another one may hold what it learnt, as this one may.

        Raises:
            LedgerUnavailable: it cannot be known now.
        """
        if await self.writable.why_not():
            raise LedgerUnavailable
        return await self.find(prediction_id, key)

    async def standings(self, key: Key) -> tuple[Standing, ...]:
        """Say where a key's budgets stand; nothing where that cannot be read."""
        try:
            return await self.reader.ask(where_stands(self.writer.directory, key))
        except LedgerFault:
            return ()

    def seen(self, fare: Fare) -> None:
        """Note that a client polled an open fare: ours need not be looked at for a while."""
        if fare.state in OPEN:
            self._seen.add(fare.id)

    def take_seen(self) -> set[str]:
        """Take the fares that clients polled since this was last asked."""
        seen, self._seen = self._seen, set()
        return seen

    def _later(self, operation: Operation) -> None:
        self._unwritten.append(operation)
        if self._retrying is None or self._retrying.done():
            self._retrying = asyncio.create_task(self._retry())

    async def _retry(self) -> None:
        """Write what waits as soon as the ledger can be written, many in a commit."""
        while self._unwritten:
            await asyncio.sleep(AGAIN_AFTER_S)
            while self._unwritten and await self._write_again():
                pass
        self._in_mind.clear()

    async def _write_again(self) -> bool:
        """Try the longest waiting; False if the ledger still cannot be written."""
        waiting = list(islice(self._unwritten, AGAIN_MAX))
        results = await asyncio.gather(
            *(self.writer.do(operation) for operation in waiting), return_exceptions=True
        )
        failed = []
        for operation, result in zip(waiting, results, strict=True):
            if isinstance(result, Receipt):
                self.remember(result)
            elif not isinstance(result, LedgerFault) or result.kind == "conflict":
                # A mistake of ours, or a rule of the database's again: once more is no better.
                self.on_fault(getattr(result, "kind", "mistake"))
                log.error("charge %s: not written", operation.charge_id, exc_info=result)
            elif result.kind != "missing":
                failed.append(operation)
        for _ in waiting:
            self._unwritten.popleft()
        self._unwritten.extendleft(reversed(failed))
        return not failed

    async def flush(self, *, within_s: float) -> None:
        """Give what is not written yet a last chance."""
        if self._retrying is not None and self._unwritten:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(within_s):
                    await asyncio.shield(self._retrying)

    async def recover(self, *, stale_us: int) -> int:
        """Make every fare uncertain whose call died with its process; how many there were."""

        def question(session: Session) -> list[tuple[str, str, int]]:
            return session.rows(
                "SELECT id,owner,admitted_us FROM charges"
                " WHERE state IN ('reserved','accepted','uncertain') AND state='reserved'"
            )

        now = now_us()
        lost = [
            Doubt(charge_id, "the process died", unheard=True)
            for charge_id, owner, admitted_us in await self.reader.ask(question)
            if owner != self.owner and (is_gone(owner) or admitted_us < now - stale_us)
        ]
        await asyncio.gather(*(self.record(operation) for operation in lost))
        await self._hand_on()
        return len(lost)

    async def _hand_on(self) -> None:
        """Free what dead processes of this host were working on."""
        holders = await self.reader.ask(leaseholders)
        if gone := {owner for owner in holders if owner != self.owner and is_gone(owner)}:
            await self.writer.transact(hand_on(gone))
