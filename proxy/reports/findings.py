"""What a reconciliation found: one finding for each charge or line on which the two differ."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from pricing import PriceBook, usd
from proxy.instants import instant
from proxy.reports.explain import Charged, explain
from proxy.reports.workbench import Workbench


class Category(StrEnum):
    """How a charge and a bill can stand to each other."""

    MATCHED = "matched"
    AMOUNT = "amount_differs"
    THEIRS = "only_theirs"
    OURS = "only_ours"
    DECIDED = "uncertain_decided"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class Finding:
    """One difference. Money in micro-USD; `ours` of an open charge is what it holds."""

    category: Category
    prediction_id: str
    charge_id: str
    account: str
    key: str
    team: str
    model: str
    at_us: int | None
    ours_micros: int
    theirs_micros: int
    price_version: str | None
    why: str
    line: int | None
    can_apply: bool

    @property
    def counted_micros(self) -> int:
        """What the ledger counts as spent: of an undecided charge nothing yet."""
        return 0 if self.category is Category.DECIDED else self.ours_micros

    def facts(self) -> dict[str, Any]:
        """Print it as JSON has it."""
        return {
            "category": self.category.value,
            "prediction_id": self.prediction_id or None,
            "charge_id": self.charge_id or None,
            "key": self.key or None,
            "team": self.team or None,
            "model": self.model or None,
            "created_at": None if self.at_us is None else instant(self.at_us).isoformat(),
            "ours_usd": usd(self.ours_micros),
            "theirs_usd": usd(self.theirs_micros),
            "difference_usd": usd(self.theirs_micros - self.ours_micros),
            "price_version": self.price_version,
            "why": self.why,
            "line": self.line,
        }


_BILLED = """
SELECT o.*, sum(l.micros), count(*), min(l.number), min(l.prediction)
FROM ours o JOIN lines l ON l.charge=o.id
GROUP BY o.id HAVING o.open=1 OR sum(l.micros)<>o.micros ORDER BY min(l.number)
"""
_THEIRS = """
SELECT number,prediction,key,model,at_us,micros,
       EXISTS(SELECT 1 FROM ours WHERE prediction=lines.prediction) FROM lines
WHERE charge IS NULL AND micros<>0 ORDER BY number
"""
_SEVERAL = "charges of several upstream accounts have this id: say with --account which is billed"
_OURS = """
SELECT * FROM ours WHERE billed=0 AND inside=1 AND open=0 AND micros<>0 ORDER BY at_us,id
"""


def findings(bench: Workbench, book: PriceBook, *, complete_to_us: int) -> Iterator[Finding]:
    """List every difference: bills that differ, bills without a charge, charges without a bill.

    A charge that was admitted after `complete_to_us` may stand on the next bill: it is found,
    but not to be written off.
    """
    for row in bench.each(_BILLED):
        yield _billed(row, book)
    for number, prediction, key, model, at_us, micros, several in bench.each(_THEIRS):
        yield Finding(
            Category.THEIRS, prediction, "", "", key, "", model, at_us, 0, micros, None,
            _SEVERAL if several else "no charge of ours", number, can_apply=False,
        )  # fmt: skip
    for row in bench.each(_OURS):
        yield _unbilled(row, complete_to_us)
    for number, prediction, why in bench.each("SELECT * FROM bad ORDER BY number"):
        yield Finding(
            Category.UNREADABLE, prediction, "", "", "", "", "", None, 0, 0, None, why, number,
            can_apply=False,
        )  # fmt: skip


def _billed(row: tuple[Any, ...], book: PriceBook) -> Finding:
    (charge_id, prediction, account, key, team, model, resolution, task, version, unit, listed,
     images, micros, is_open, unpriced, at_us, _, _, billed, lines, number,
     theirs) = row  # fmt: skip
    charged = Charged(model, resolution, task, version, unit, listed, images, micros)
    if is_open:
        category, found, why = Category.DECIDED, None, "undecided here, billed there"
    elif unpriced:
        category, found, why = Category.AMOUNT, None, "relayed without a price"
    else:
        category = Category.AMOUNT
        found, why = explain(charged, billed, lines, book)
    return Finding(
        category, prediction or theirs, charge_id, account, key, team, model, at_us, micros,
        billed, found, why, number, can_apply=not unpriced and billed >= 0,
    )  # fmt: skip


def _unbilled(row: tuple[Any, ...], complete_to_us: int) -> Finding:
    charge_id, prediction, account, key, team, model, *_ = row
    micros, at_us = row[12], row[15]  # what has no price is settled at 0, so it is not here
    late = at_us > complete_to_us
    why = "not billed; may stand on the next statement" if late else "not billed"
    return Finding(
        Category.OURS, prediction or "", charge_id, account, key, team, model, at_us, micros, 0,
        None, why, None, can_apply=not late,
    )  # fmt: skip
