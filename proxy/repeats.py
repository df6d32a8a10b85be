"""A submit under an `Idempotency-Key`: bought once, answered from the first time."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from proxy.call import Call, Header
from proxy.directory import Key
from proxy.errors import IdempotencyInProgress, IdempotencyMismatch, LedgerUnavailable
from proxy.fares import Fares
from proxy.headers import Asked
from proxy.ledger import rows
from proxy.ledger.fare import KEPT_US, Fare, Kept
from proxy.ledger.session import LedgerFault, Session
from proxy.quoting import fare_headers

KeptAnswer = tuple[int, str, bytes | None]
"""Status, headers as JSON, and the body; None for a body too large to be kept."""


REPLAYED: Final[Header] = (b"x-farebox-replayed", b"1")
"""Marks an answer that is the first one's again: nothing was sent, nothing bought."""


def once_of(call: Call, key: Key, asked: Asked, body: bytes) -> Kept | None:
    """Describe a submit that must happen once; None if it may happen again."""
    if asked.idempotency_key is None:
        return None
    request = hashlib.sha256(call.method + b" " + call.target + b"\n" + body).hexdigest()
    return Kept(key.id, asked.idempotency_key, request, charge_id="")


def headers_text(headers: Sequence[Header]) -> str:
    """Write headers down."""
    return json.dumps([(n.decode("latin-1"), v.decode("latin-1")) for n, v in headers])


def _headers(text: str) -> list[Header]:
    return [(n.encode("latin-1"), v.encode("latin-1")) for n, v in json.loads(text)]


@dataclass(frozen=True, slots=True)
class Repeats:
    """Answers the second call of the same key from the first."""

    fares: Fares

    async def first(self, once: Kept | None) -> Kept | None:
        """Find what is kept of the first call of this very request, if there was one."""
        if once is None:
            return None

        def question(session: Session) -> Kept | None:
            kept = rows.kept(session, once.caller, once.idempotency_key)
            if kept is None or session.now_us() - kept.created_us >= KEPT_US:
                return None
            return kept if kept.request_hash == once.request_hash else None

        try:
            return await self.fares.reader.ask(question)
        except LedgerFault as fault:
            raise LedgerUnavailable from fault

    async def answer(self, call: Call, kept: Kept, once: Kept | None) -> None:
        """Repeat the first answer, or say why that cannot be done.

        Raises:
            IdempotencyMismatch: the key belongs to another request.
            IdempotencyInProgress: still running, uncertain, or too large to be kept.
        """
        if once is None or kept.request_hash != once.request_hash:
            raise IdempotencyMismatch
        fare = await self._fare(kept.charge_id)
        named = fare.prediction_id if fare is not None else None
        if kept.status == 0:
            raise IdempotencyInProgress(why="is still running or uncertain", prediction_id=named)
        if kept.body is None:
            raise IdempotencyInProgress(why="had an answer too large to keep", prediction_id=named)
        call.ours = [*(fare_headers(fare) if fare is not None else []), *call.ours]
        headers = [*_headers(kept.headers), *call.ours, REPLAYED]
        await call.answer(kept.status, headers, bytes(kept.body))

    async def _fare(self, charge_id: str) -> Fare | None:
        def question(session: Session) -> Fare | None:
            return next(iter(rows.fares(session, "WHERE id=?", (charge_id,))), None)

        try:
            return await self.fares.reader.ask(question)
        except LedgerFault as fault:
            raise LedgerUnavailable from fault
