"""Proof that the figures agree: every balance is derived again from the entries, every seal too.

Reads in one snapshot, so it may run while calls go on.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from proxy.ledger.seal import START, Seal, Span, head, seals
from proxy.ledger.session import LedgerFault, Session

# What each charge's entries come to, beside what the charge says.
_CHARGES = """
SELECT c.id, c.state, c.reserved_micros, c.settled_micros, c.seq,
       sum(e.reserved_micros), sum(e.settled_micros), count(*), max(e.seq)
FROM charges c LEFT JOIN entries e ON e.charge_id=c.id
GROUP BY c.id, c.state, c.reserved_micros, c.settled_micros, c.seq
HAVING coalesce(sum(e.reserved_micros),0) <>
         CASE WHEN c.state IN ('reserved','accepted','uncertain') THEN c.reserved_micros ELSE 0 END
    OR coalesce(sum(e.settled_micros),0) <> c.settled_micros
    OR count(e.seq) <> c.seq OR coalesce(max(e.seq),0) <> c.seq
"""
_ORPHANS = """
SELECT e.charge_id FROM entries e LEFT JOIN charges c ON c.id=e.charge_id WHERE c.id IS NULL
"""


def _derived(scope: str, day: str, window: str, where: str) -> str:
    period = day if window == "day" else f"substr({day},1,7)"
    return (
        f"SELECT {scope} AS scope, '{window}' AS win, {period} AS period,"  # noqa: S608
        " sum(e.settled_micros) AS settled, sum(e.reserved_micros) AS reserved"
        f" FROM entries e JOIN charges c ON c.id=e.charge_id{where} GROUP BY 1,2,3"
    )


_SCOPES = (
    ("'key:'||c.key_id", "c.key_day", ""),
    ("'team:'||c.team", "c.day", " WHERE c.team<>''"),
    ("'installation'", "c.day", ""),
)
_BALANCES = " UNION ALL ".join(
    _derived(scope, day, window, where)
    for scope, day, where in _SCOPES
    for window in ("day", "month")
)
_AGAINST_BALANCES = f"""
SELECT coalesce(d.scope,b.scope), coalesce(d.win,b."window"), coalesce(d.period,b.period),
       coalesce(d.settled,0), coalesce(b.settled_micros,0),
       coalesce(d.reserved,0), coalesce(b.reserved_micros,0)
FROM ({_BALANCES}) d FULL JOIN balances b
  ON b.scope=d.scope AND b."window"=d.win AND b.period=d.period
WHERE coalesce(d.settled,0)<>coalesce(b.settled_micros,0)
   OR coalesce(d.reserved,0)<>coalesce(b.reserved_micros,0)
"""  # noqa: S608
_ROLLED_UP = """
SELECT coalesce(d.k,s.k), coalesce(d.m,s.m), coalesce(d.micros,0), coalesce(s.micros,0),
       coalesce(d.images,0), coalesce(s.images,0)
FROM (SELECT c.key_id AS k, c.model AS m, sum(e.settled_micros) AS micros, sum(e.images) AS images
      FROM entries e JOIN charges c ON c.id=e.charge_id WHERE c.price_status<>'unpriced'
      GROUP BY 1,2) d
FULL JOIN (SELECT key_id AS k, model AS m, sum(spend_micros) AS micros, sum(images) AS images
      FROM spend GROUP BY 1,2) s ON s.k=d.k AND s.m=d.m
WHERE coalesce(d.micros,0)<>coalesce(s.micros,0) OR coalesce(d.images,0)<>coalesce(s.images,0)
"""
_COUNTERS = """
SELECT (SELECT coalesce(sum(spend_micros),0) FROM totals),
       (SELECT coalesce(sum(value),0) FROM tallies WHERE name='corrections' AND label='down'),
       (SELECT coalesce(sum(spend_micros),0) FROM spend)
"""


@dataclass(frozen=True, slots=True)
class Difference:
    """One place where two figures disagree; money in micro-USD."""

    where: str
    what: str
    derived: int
    found: int


def verify(session: Session) -> list[Difference]:
    """Compare entries, charges, balances, roll-ups, counters and seals; nothing found is the proof.

    Raises:
        LedgerFault: the database cannot be read.
    """
    with session.snapshot():
        return [
            *_charges(session), *_balances(session), *_rolled_up(session), *_chain(session),
        ]  # fmt: skip


def _charges(session: Session) -> Iterator[Difference]:
    for charge_id, state, reserved, settled, seq, *entries in session.rows(_CHARGES):
        due = reserved if state in ("reserved", "accepted", "uncertain") else 0
        yield from _unequal(
            f"charge {charge_id}",
            reserved_micros=(int(entries[0] or 0), due),
            settled_micros=(int(entries[1] or 0), settled),
            entries=(entries[2], seq),
        )
    for (charge_id,) in session.rows(_ORPHANS):
        yield Difference(f"charge {charge_id}", "missing though it has entries", 1, 0)


def _balances(session: Session) -> Iterator[Difference]:
    for scope, window, period, *figures in session.rows(_AGAINST_BALANCES):
        settled, found, reserved, held = (int(figure) for figure in figures)
        yield from _unequal(
            f"balance {scope} {window} {period}",
            settled_micros=(settled, found),
            reserved_micros=(reserved, held),
        )


def _rolled_up(session: Session) -> Iterator[Difference]:
    for key_id, model, *figures in session.rows(_ROLLED_UP):
        micros, found, images, counted = (int(figure) for figure in figures)
        yield from _unequal(
            f"spend of {key_id} on {model}",
            spend_micros=(micros, found),
            images=(images, counted),
        )
    total, down, spend = (int(figure) for figure in session.rows(_COUNTERS)[0])
    yield from _unequal("counters", spend_micros=(spend, total - down))


def _unequal(where: str, **figures: tuple[int, int]) -> Iterator[Difference]:
    """Yield each figure whose derived and found values are not the same."""
    for what, (derived, found) in figures.items():
        if derived != found:
            yield Difference(where, what, derived, found)


def _chain(session: Session) -> Iterator[Difference]:
    """Make every seal again from the one before it; a break shows where it is, and nowhere else."""
    before = START
    for seal in seals(session):
        if seal.n == before.n + 1:
            yield from _link(session, before, seal)
        else:
            yield Difference(f"seal {before.n + 1}", "missing", 1, 0)
        before = seal
    if (told := head(session)) != before.head:
        number, _, mark = told.partition(":")
        if number == str(before.n):
            yield Difference("last seal", "hash", *_apart(mark, before.hash))
        else:
            derived = int(number) if number.isdecimal() else -1
            yield Difference("last seal", "number", derived, before.n)


def _link(session: Session, before: Seal, seal: Seal) -> Iterator[Difference]:
    where = f"seal {seal.n} (microseconds {seal.from_us} to {seal.to_us})"
    try:
        made = Span.read(session, before.to_us, seal.to_us).seal(before, seal.to_us)
    except LedgerFault as fault:
        if session.dialect != "sqlite" or fault.kind != "commit":
            raise
        yield Difference(where, "readable", 1, 0)  # a text that is none any more
        return
    figures = (
        ("from_us", made.from_us, seal.from_us),
        ("entries", made.entries, seal.entries),
        ("audit rows", made.audits, seal.audits),
    )
    for what, derived, found in figures:
        if derived != found:
            yield Difference(where, what, derived, found)
    if made.hash != seal.hash:
        yield Difference(where, "hash", *_apart(made.hash, seal.hash))


def _apart(derived: str, found: str) -> tuple[int, int]:
    """Show two hashes by up to 52 bits from where they part: two figures that are not the same."""
    pairs = enumerate(zip(derived, found, strict=False))
    at = next((place for place, (one, other) in pairs if one != other), 0)
    try:
        shown = int(derived[at : at + 13], 16), int(found[at : at + 13], 16)
    except ValueError:  # one of them is no hash
        return 1, 0
    return shown if shown[0] != shown[1] else (1, 0)


def sealed(session: Session) -> tuple[int, int]:
    """Count the seals, and say up to which instant (microseconds) they reach; 0 for none."""
    count, until = session.rows("SELECT count(*),coalesce(max(to_us),0) FROM seals")[0]
    return int(count), int(until)
