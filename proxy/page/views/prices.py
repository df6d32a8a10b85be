"""Price versions side by side; what is not published is marked."""

from collections.abc import Iterator
from dataclasses import dataclass

from starlette.responses import Response

from pricing import PriceTable
from pricing.rates import Rate
from proxy.clock import now_us
from proxy.page.gate import View
from proxy.page.render import render
from proxy.page.visit import Visit

ANY = "any"


@dataclass(frozen=True, slots=True)
class Row:
    """One price in two versions; None where a version does not have it."""

    model: str
    resolution: str
    terms: str  # what else the price is bound to
    old: Rate | None
    new: Rate | None

    @property
    def moved_micros(self) -> int:
        """By how much the price moved, in micro-USD."""
        return self.new.usd_micros - self.old.usd_micros if self.old and self.new else 0

    @property
    def differs(self) -> bool:
        """Whether the two versions say something else."""
        return (self.old is None) != (self.new is None) or self.moved_micros != 0


def terms(rate: Rate) -> str:
    """Spell what a rate is bound to beside its resolution."""
    found = [rate.task or "", f"quality {rate.quality}" if rate.quality else ""]
    if rate.references is not None:
        least, most = rate.references
        found.append(
            f"{least}{'+' if most is None else f'-{most}' if most != least else ''} references"
        )
    return ", ".join(part for part in found if part)


def _size(rate: Rate) -> str:
    if rate.resolution != ANY:
        return rate.resolution
    return "any size" if terms(rate) else "one price"


def side_by_side(old: PriceTable | None, new: PriceTable) -> Iterator[Row]:
    """List every price of either version, by model."""
    for model in sorted({*new.models, *(old.models if old else ())}):
        before, after = _rates(old, model), _rates(new, model)
        for place in dict.fromkeys((*after, *before)):
            yield Row(model, place[0], place[1], before.get(place), after.get(place))


def _rates(table: PriceTable | None, model: str) -> dict[tuple[str, str], Rate]:
    if table is None or model not in table.models:
        return {}
    return {(_size(r), terms(r)): r for r in table.models[model].rates}


async def prices(visit: Visit) -> Response:
    """Compare the version in force with the one before it, or two others."""
    book, now = visit.desk.prices.book, visit.desk.prices.at(now_us())
    names = [t.version for t in book.versions]
    new = book.version(visit.asked("new")) if visit.asked("new") in names else now
    before = names.index(new.version)
    old = book.versions[before - 1] if before else None
    if visit.asked("old") in names:
        old = book.version(visit.asked("old"))
    wanted, only = visit.asked("q").casefold(), visit.asked("only")
    rows = [r for r in side_by_side(old, new) if wanted in r.model.casefold()]
    marked = sum(bool(r.new and r.new.status in ("derived", "estimated")) for r in rows)
    if only == "changed":
        rows = [r for r in rows if r.differs]
    if only == "marked":
        rows = [r for r in rows if r.new and r.new.status in ("derived", "estimated")]
    return render(
        visit, "prices.html", rows=rows, old=old, new=new, now=now, versions=book.versions,
        q=visit.asked("q"), only=only, marked=marked,
    )  # fmt: skip


VIEWS = (View("GET", "/prices", "admin", prices),)
