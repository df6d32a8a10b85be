"""Proof that the figures agree: every one is derived again from the entries, every seal too.

Reads in one snapshot, so it may run while calls go on. The database sorts and adds up, on disk
where it must, and hands over differences only: memory does not grow with the ledger.
"""

from collections.abc import Iterator

from proxy.ledger import chain, priced, rolled_up
from proxy.ledger.chain import sealed
from proxy.ledger.difference import Difference, unequal
from proxy.ledger.session import Session

__all__ = ["Difference", "sealed", "verify"]

# What each charge's entries come to, beside what the charge says.
_CHARGES = """
SELECT c.id, CASE WHEN c.state IN ('reserved','accepted','uncertain') THEN c.reserved_micros
                  ELSE 0 END,
       coalesce(sum(e.reserved_micros),0), c.settled_micros, coalesce(sum(e.settled_micros),0),
       c.sold_images, coalesce(sum(e.images),0), c.seq, count(e.seq), coalesce(max(e.seq),0),
       c.reserved_micros, coalesce(sum(CASE WHEN e.seq=1 THEN e.reserved_micros END),0),
       c.unit_micros*c.images,
       c.admitted_us, coalesce(sum(CASE WHEN e.seq=1 THEN e.at_us END),0),
       coalesce(c.decided_us,0),
       coalesce(sum(CASE WHEN e.kind IN ('settle','release') THEN e.at_us END),0),
       CASE c.state WHEN 'settled' THEN 1 WHEN 'released' THEN -1 ELSE 0 END,
       coalesce(sum(CASE e.kind WHEN 'settle' THEN 1 WHEN 'release' THEN -1 ELSE 0 END),0)
FROM charges c LEFT JOIN entries e ON e.charge_id=c.id
GROUP BY c.id
HAVING coalesce(sum(e.reserved_micros),0) <>
         CASE WHEN c.state IN ('reserved','accepted','uncertain') THEN c.reserved_micros ELSE 0 END
    OR coalesce(sum(e.settled_micros),0) <> c.settled_micros
    OR coalesce(sum(e.images),0) <> c.sold_images
    OR count(e.seq) <> c.seq OR coalesce(max(e.seq),0) <> c.seq
    OR coalesce(sum(CASE WHEN e.seq=1 THEN e.reserved_micros END),0) <> c.reserved_micros
    OR c.unit_micros*c.images <> c.reserved_micros
    OR coalesce(sum(CASE WHEN e.seq=1 THEN e.at_us END),0) <> c.admitted_us
    OR coalesce(sum(CASE WHEN e.kind IN ('settle','release') THEN e.at_us END),0) <>
         coalesce(c.decided_us,0)
    OR coalesce(sum(CASE e.kind WHEN 'settle' THEN 1 WHEN 'release' THEN -1 ELSE 0 END),0) <>
         CASE c.state WHEN 'settled' THEN 1 WHEN 'released' THEN -1 ELSE 0 END
"""
_ORPHANS = """
SELECT DISTINCT e.charge_id FROM entries e
WHERE NOT EXISTS (SELECT 1 FROM charges c WHERE c.id=e.charge_id)
"""
# Entries are added up by charge first, then by where and when it lies, and only then by scope:
# each step leaves less to be sorted for the next.
_FARES = """
WITH fares AS (
  SELECT c.id, c.key_id, c.team, c.key_day, c.day,
         sum(e.settled_micros) AS settled, sum(e.reserved_micros) AS reserved
  FROM charges c JOIN entries e ON e.charge_id=c.id GROUP BY c.id
), moved AS MATERIALIZED (
  SELECT key_id, team, key_day, day, sum(settled) AS settled, sum(reserved) AS reserved
  FROM fares GROUP BY key_id, team, key_day, day
)"""


def _derived(scope: str, day: str, window: str, where: str) -> str:
    period = day if window == "day" else f"substr({day},1,7)"
    return (
        f"SELECT {scope} AS scope, '{window}' AS win, {period} AS period,"  # noqa: S608
        f" sum(settled) AS settled, sum(reserved) AS reserved FROM moved{where} GROUP BY 1,2,3"
    )


_SCOPES = (
    ("'key:'||key_id", "key_day", ""),
    ("'team:'||team", "day", " WHERE team<>''"),
    ("'installation'", "day", ""),
)
_BALANCES = " UNION ALL ".join(
    _derived(scope, day, window, where)
    for scope, day, where in _SCOPES
    for window in ("day", "month")
)
_AGAINST_BALANCES = f"""{_FARES}
SELECT coalesce(d.scope,b.scope), coalesce(d.win,b."window"), coalesce(d.period,b.period),
       coalesce(d.settled,0), coalesce(b.settled_micros,0),
       coalesce(d.reserved,0), coalesce(b.reserved_micros,0)
FROM ({_BALANCES}) d FULL JOIN balances b
  ON b.scope=d.scope AND b."window"=d.win AND b.period=d.period
WHERE coalesce(d.settled,0)<>coalesce(b.settled_micros,0)
   OR coalesce(d.reserved,0)<>coalesce(b.reserved_micros,0)
"""  # noqa: S608


def verify(session: Session) -> list[Difference]:
    """Compare entries with every figure made of them, prices and seals; nothing is the proof.

    Raises:
        LedgerFault: the database cannot be read.
    """
    with session.snapshot():
        return [
            *_charges(session), *_balances(session), *rolled_up.differences(session),
            *priced.differences(session), *chain.broken(session),
        ]  # fmt: skip


def _charges(session: Session) -> Iterator[Difference]:
    for charge_id, *figures in session.rows(_CHARGES):
        (
            due, reserved, settled, moved, sold, images, seq, count, last, price, held, reckoned,
            admitted, reserved_at, decided, decided_at, state, outcome,
        ) = map(int, figures)  # fmt: skip
        yield from unequal(
            f"charge {charge_id}",
            reserved_micros=(reserved, due),
            settled_micros=(moved, settled),
            sold_images=(images, sold),
            entries=(count, seq),
            last_entry=(last, seq),
            reserved_at_first=(held, price),
            price_of_images=(reckoned, price),
            admitted_us=(reserved_at, admitted),
            decided_us=(decided_at, decided),
            decision=(outcome, state),
        )
    for (charge_id,) in session.rows(_ORPHANS):
        yield Difference(f"charge {charge_id}", "missing though it has entries", 1, 0)


def _balances(session: Session) -> Iterator[Difference]:
    for scope, window, period, *figures in session.rows(_AGAINST_BALANCES):
        settled, found, reserved, held = (int(figure) for figure in figures)
        yield from unequal(
            f"balance {scope} {window} {period}",
            settled_micros=(settled, found),
            reserved_micros=(reserved, held),
        )
