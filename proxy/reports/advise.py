"""What to change, from the calls that were made: each piece with its saving and its caveats."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pricing import PriceBook, usd
from proxy.ledger import versions
from proxy.ledger.session import Session
from proxy.reports.capabilities import Verdict, bundled
from proxy.reports.periods import Period
from proxy.reports.whatif import Instead, Made, Sum, folded, made, summed, unit_micros, with_model

LARGE, SMALLER = "4K", "2K"
_REPEATED = """
SELECT team,model,sum(n-1),sum(paid-paid/n) FROM
  (SELECT team,model,body_hash,count(*) AS n,sum(settled_micros) AS paid FROM charges
   WHERE admitted_us>=? AND admitted_us<? AND settled_micros>0 AND body_hash<>''
   GROUP BY team,model,body_hash HAVING count(*)>1) AS twice
GROUP BY team,model ORDER BY team,model
"""
_FAILED = """
SELECT team,model,count(*),sum(settled_micros) FROM charges
WHERE admitted_us>=? AND admitted_us<? AND state='released' AND settled_micros=0
GROUP BY team,model ORDER BY team,model
"""


@dataclass(frozen=True, slots=True)
class Advice:
    """One change, what it comes to, the calls behind it, and what speaks against it."""

    change: str
    why: str
    sum: Sum
    calls: list[Instead]
    caveats: tuple[str, ...]

    def facts(self) -> dict[str, Any]:
        """Print it as JSON has it."""
        return {
            "change": self.change,
            "why": self.why,
            **self.sum.facts(),
            "calls": [each.facts() for each in self.calls],
            "caveats": list(self.caveats),
        }


@dataclass(frozen=True, slots=True)
class Waste:
    """Calls that brought nothing new; what they cost, in micro-USD."""

    kind: str
    team: str
    model: str
    calls: int
    micros: int

    def facts(self) -> dict[str, Any]:
        """Print it as JSON has it."""
        return {
            "kind": self.kind,
            "team": self.team,
            "model": self.model,
            "calls": self.calls,
            "cost_usd": usd(self.micros),
        }


def advise(session: Session, period: Period) -> list[Advice]:
    """List what would have saved money in a period, the most first."""
    calls, book = made(session, period), versions.book(session)
    models, swaps = bundled()
    found = []
    for swap in swaps:
        instead = list(with_model(calls, swap.model, swap.to, book, models))
        if instead:
            change = f"{swap.model} -> {swap.to}"
            found.append(
                Advice(change, swap.why, summed(instead, period), folded(instead), swap.caveats)
            )
    if smaller := list(_smaller(calls, book)):
        words = "only where nobody needs more than 2K: the ledger cannot know that"
        found.append(
            Advice(f"{LARGE} -> {SMALLER}", words, summed(smaller, period), folded(smaller), ())
        )
    return sorted(found, key=lambda each: (-each.sum.saved_micros, -each.sum.asked_micros))


def _smaller(calls: list[Made], book: PriceBook) -> Iterator[Instead]:
    for each in calls:
        if each.resolution == LARGE:
            table = book.version(each.version)
            price = unit_micros(table, each.model, SMALLER, each.task)
            if price is not None and price * each.images < each.micros:
                asked = Verdict("ask", f"is {SMALLER} enough?")
                yield Instead(each, each.model, f"{SMALLER}", price * each.images, asked)


def waste(session: Session, period: Period) -> list[Waste]:
    """List failed and repeated calls by team and model.

    Repeats are known only where hashes of bodies are kept. A call that was released and is paid
    after all brought something.
    """
    span = (period.start_us, period.end_us)
    return [
        Waste(kind, team, model, int(count), int(micros or 0))
        for kind, sql in (("repeated", _REPEATED), ("failed", _FAILED))
        for team, model, count, micros in session.rows(sql, span)
    ]
