"""Seals: a chain of hashes over what was written, made after the fact. Nothing waits for it.

A seal covers the entries and the audit of a span of time, and the seal before it. Beside that
stands a chain of its own, over what of a charge never changes: what its caller bought, under
which name and at which price, goes with its first entry, the upstream's id with its decision. It
is another column, so that versions from before it make and check the same seals. A span is
sealed only when nothing can be added to it or taken from it any more: it ended a minute ago, no
transaction from before its end is still running, and no charge in it can still be forgotten (one
by a key that the upstream has not let in yet). What is newer than the last seal is not sealed yet.
"""

import asyncio
import json
import logging
import random
from collections.abc import Callable, Iterator
from dataclasses import astuple, dataclass
from hashlib import sha256
from typing import Any, Final

from proxy.ledger.reader import Reader
from proxy.ledger.session import LedgerFault, Row, Session
from proxy.ledger.store import Store, beside
from proxy.ledger.writer import Writer

EVERY_S: Final = 60.0
SETTLES_US: Final = 60_000_000  # far longer than a commit takes
ENTRIES_MAX: Final = 1_000  # some milliseconds of work beside the calls
SEALS_MAX: Final = 1_000  # read at a time
BREATH_S: Final = 0.05
HEAD: Final = "seal"  # the fact that names the last seal: one taken off the end is missed too
FARES_HEAD: Final = "seal.fares"  # the same of the last that covers charges
log = logging.getLogger("farebox.seal")

_ENTRIES = (
    "SELECT at_us,charge_id,seq,kind,reserved_micros,settled_micros,images,ground,actor,why"
    " FROM entries WHERE at_us>? AND at_us<=?"
)
_AUDIT = (
    "SELECT at_us,id,actor,action,subject,before,after,why FROM audit WHERE at_us>? AND at_us<=?"
)
# Neither when it is due nor whether its key is let in: those change.
_BOUGHT = (
    "SELECT c.id,c.key_id,c.key_name,c.team,c.account,c.surface,c.model,c.called,c.resolution,"
    "c.task,c.images,c.unit_micros,c.list_unit_micros,c.price_version,c.price_status,"
    "c.price_assumed,c.images_mode,c.reserved_micros,c.key_day,c.day,c.admitted_us,c.owner,c.tags,"
    "c.body_hash,c.shadow,c.refs,c.aspect FROM entries e JOIN charges c ON c.id=e.charge_id"
    " WHERE e.at_us>? AND e.at_us<=? AND e.seq=1"
)
# A charge that was never accepted may be given its id by a statement, long after its decision.
_NAMED = (
    "SELECT c.id,c.prediction_id FROM entries e JOIN charges c ON c.id=e.charge_id"
    " WHERE e.at_us>? AND e.at_us<=? AND e.kind IN ('settle','release')"
    " AND c.accepted_us IS NOT NULL"
)
_SEALS = "SELECT n,from_us,to_us,entries,audits,hash,fares FROM seals"
_LAST = (  # in one statement: another node may be writing the next
    "SELECT m.value,s.n,s.from_us,s.to_us,s.entries,s.audits,s.hash,s.fares"
    " FROM (SELECT 1) AS one"
    " LEFT JOIN meta m ON m.name=? LEFT JOIN seals s ON s.n=(SELECT max(n) FROM seals)"
)
_PUT = "INSERT INTO seals(n,from_us,to_us,entries,audits,hash,fares) VALUES(?,?,?,?,?,?,?)"
_COUNT = (
    "SELECT (SELECT count(*) FROM entries WHERE at_us>? AND at_us<=?),"
    "(SELECT count(*) FROM audit WHERE at_us>? AND at_us<=?)"
)
_FORGETTABLE = (
    "SELECT min(admitted_us) FROM charges"
    " WHERE state IN ('reserved','accepted','uncertain') AND provisional=1"
)
_RUNNING = (  # the server's own clock, as that of `now_us`
    "SELECT (extract(epoch FROM min(xact_start))*1000000)::bigint FROM pg_stat_activity"
    " WHERE datname=current_database() AND pid<>pg_backend_pid()"
    " AND application_name='farebox'"
)


class Broken(Exception):
    """The chain does not end where it was left: somebody else has been at it."""


@dataclass(frozen=True, slots=True)
class Seal:
    """One link: what lies after `from_us` and up to `to_us`, in microseconds, and its hash.

    `fares` is the hash over charges; empty if a version that knew of none made the seal.
    """

    n: int
    from_us: int
    to_us: int
    entries: int
    audits: int
    hash: str
    fares: str

    @property
    def head(self) -> str:
        """Name it, for the fact that tells which is the last."""
        return f"{self.n}:{self.hash}" if self.n else ""

    @property
    def fares_head(self) -> str:
        """Name it, for the fact that tells which is the last that covers charges."""
        return f"{self.n}:{self.fares}" if self.fares else ""


START: Final = Seal(0, 0, 0, 0, 0, "", "")


@dataclass(frozen=True, slots=True)
class Span:
    """Everything written after one instant and up to another, in the order of the chain.

    It is put in order here: databases do not agree on the order of texts.
    """

    entries: list[Row]
    audits: list[Row]
    bought: list[Row]
    named: list[Row]

    @classmethod
    def read(cls, session: Session, from_us: int, to_us: int) -> "Span":
        """Read it."""
        span = (from_us, to_us)
        asked = (_ENTRIES, _AUDIT, _BOUGHT, _NAMED)
        return cls(*(sorted(session.rows(sql, span)) for sql in asked))

    def seal(self, before: Seal, to_us: int) -> Seal:
        """Chain it to the seal before: SHA-256 of one JSON text, the same on every database."""
        n, from_us = before.n + 1, before.to_us
        found = _hash(before.hash, n, from_us, to_us, self.entries, self.audits)
        fares = _hash(before.fares, n, from_us, to_us, self.bought, self.named)
        return Seal(n, from_us, to_us, len(self.entries), len(self.audits), found, fares)


def _hash(*facts: Any) -> str:
    text = json.dumps(facts, separators=(",", ":"), default=repr)
    return sha256(text.encode()).hexdigest()


def seals(session: Session) -> Iterator[Seal]:
    """Read every seal, the first first, some at a time."""
    seal = START
    while found := session.rows(f"{_SEALS} WHERE n>? ORDER BY n LIMIT {SEALS_MAX}", (seal.n,)):
        for row in found:
            yield (seal := Seal(*row))


def head(session: Session, name: str = HEAD) -> str:
    """Read which seal was written last; empty if none was."""
    found = session.rows("SELECT value FROM meta WHERE name=?", (name,))
    return str(found[0][0]) if found else ""


def last(session: Session) -> Seal:
    """Read the last seal; `START` if there is none.

    Raises:
        Broken: it is not the one that was written last.
    """
    (told, *facts) = session.rows(_LAST, (HEAD,))[0]
    seal = START if facts[0] is None else Seal(*facts)
    if (told or "") != seal.head:
        raise Broken
    return seal


def sealable_us(session: Session) -> int:
    """Find the instant up to which nothing can be added or taken away any more."""
    ends = [session.now_us() - SETTLES_US]
    asked = [_FORGETTABLE] if session.dialect == "sqlite" else [_FORGETTABLE, _RUNNING]
    for sql in asked:
        first = session.rows(sql)[0][0]
        ends += [] if first is None else [int(first) - 1]
    return min(ends)


def next_seal(session: Session) -> Seal | None:
    """Make the next seal, to be written; None if there is nothing to be sealed yet.

    Raises:
        Broken: see `last`.
    """
    before, to_us = last(session), sealable_us(session)
    full = session.rows(
        "SELECT at_us FROM entries WHERE at_us>? ORDER BY at_us LIMIT 1 OFFSET ?",
        (before.to_us, ENTRIES_MAX - 1),
    )
    if full:
        to_us = min(to_us, int(full[0][0]))
    if to_us <= before.to_us:
        return None
    span = Span.read(session, before.to_us, to_us)
    return span.seal(before, to_us) if span.entries or span.audits else None


def put(seal: Seal) -> Callable[[Store], bool]:
    """Write a seal, unless another node was faster; True if it is ours.

    Counts again under the ledger's lock: a process that slept through the minute in the middle
    of a commit may have added to the span since it was read.
    """

    @beside
    def change(store: Store) -> bool:
        before = last(store.session)
        if before.n != seal.n - 1 or before.to_us != seal.from_us:
            return False
        span = (seal.from_us, seal.to_us)
        if tuple(store.session.rows(_COUNT, span * 2)[0]) != (seal.entries, seal.audits):
            return False
        row: tuple[Any, ...] = astuple(seal)
        if store.session.run(f"{_PUT} ON CONFLICT DO NOTHING", row) != 1:
            return False
        store.set_meta(HEAD, seal.head)
        store.set_meta(FARES_HEAD, seal.fares_head)
        return True

    return change


@dataclass(frozen=True, slots=True)
class Sealer:
    """The loop of one worker; all of them may run it, and one of them is the first each time."""

    writer: Writer
    url: str

    async def run(self) -> None:
        """Seal what can be sealed, every minute, until cancelled."""
        reader = Reader(self.url)  # nothing that a caller waits for is behind it
        try:
            while True:
                await asyncio.sleep(EVERY_S * random.uniform(0.8, 1.2))  # noqa: S311 - no secret
                try:
                    await self._seal(reader)
                except LedgerFault as fault:
                    log.warning("nothing can be sealed now: %s", fault)
                except Broken:
                    log.error("the chain of seals was changed: see farebox verify")  # noqa: TRY400
        finally:
            reader.close()

    async def _seal(self, reader: Reader) -> None:
        while (seal := await reader.ask(next_seal)) is not None:
            if not await self.writer.transact(put(seal)):
                return
            await asyncio.sleep(BREATH_S)
