"""The chain of seals, made again: a break shows where it is, and nowhere else."""

from collections.abc import Iterator

from proxy.ledger.difference import Difference, apart
from proxy.ledger.seal import FARES_HEAD, START, Seal, Span, head, seals
from proxy.ledger.session import LedgerFault, Session


def broken(session: Session) -> Iterator[Difference]:
    """Make every seal again from the one before it."""
    before, fares_head = START, ""
    for seal in seals(session):
        if seal.n == before.n + 1:
            yield from _link(session, before, seal)
        else:
            yield Difference(f"seal {before.n + 1}", "missing", 1, 0)
        before, fares_head = seal, seal.fares_head or fares_head
    if (told := head(session)) != before.head:
        number, _, mark = told.partition(":")
        if number == str(before.n):
            yield Difference("last seal", "hash", *apart(mark, before.hash))
        else:
            derived = int(number) if number.isdecimal() else -1
            yield Difference("last seal", "number", derived, before.n)
    elif head(session, FARES_HEAD) != fares_head:
        yield Difference("last seal", "charges", 1, 0)


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
        yield Difference(where, "hash", *apart(made.hash, seal.hash))
    if seal.fares not in ("", made.fares):
        yield Difference(where, "charges", *apart(made.fares, seal.fares))


def sealed(session: Session) -> tuple[int, int]:
    """Count the seals, and say up to which instant (microseconds) they reach; 0 for none."""
    count, until = session.rows("SELECT count(*),coalesce(max(to_us),0) FROM seals")[0]
    return int(count), int(until)
