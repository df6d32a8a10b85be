"""What the calls of a period would have cost at another version, or with another model.

The ledger keeps a call's model, resolution and task, not its whole order: where another price
hangs on more than that (the number of pictures, the quality), the dearest it could be is taken.
Money decides which calls count, not the state: one that was released and charged later, by hand, by
a statement or because its images came after all, was paid, and the other reports say so.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from pricing import Model, PriceBook, PriceTable, Rate, usd
from pricing.rates import OTHER, TASKS, Case
from pricing.resolution import ANY, canonical
from proxy.ledger.session import Session
from proxy.reports.capabilities import YES, Shape, Takes, Verdict, verdict
from proxy.reports.periods import Period

MONTH_DAYS = 30
_MADE = """
SELECT team,model,resolution,task,price_version,aspect,refs,unit_micros,count(*),
       sum(sold_images),sum(settled_micros)
FROM charges WHERE admitted_us>=? AND admitted_us<? AND price_status<>'unpriced'
  AND (state='settled' OR settled_micros>0)
GROUP BY team,model,resolution,task,price_version,aspect,refs,unit_micros
ORDER BY team,model,resolution,task,price_version,aspect,refs,unit_micros
"""


@dataclass(frozen=True, slots=True)
class Made:
    """Calls alike that were made and settled, or paid; money in micro-USD."""

    team: str
    model: str
    resolution: str
    task: str
    version: str
    aspect: str
    refs: int
    unit_micros: int
    calls: int
    images: int
    micros: int

    @property
    def shape(self) -> Shape:
        """What is known of the calls; no pictures at an edit means that nobody counted them."""
        edits = TASKS.get(self.task) == "image-to-image"
        return Shape(edits or self.refs > 0, self.refs or None, self.aspect or None)


@dataclass(frozen=True, slots=True)
class Instead:
    """What calls would have cost: None where the other has no price for them."""

    made: Made
    model: str
    version: str
    micros: int | None
    verdict: Verdict = YES

    @property
    def saved_micros(self) -> int:
        """What would have been saved; below 0 it would have cost more."""
        return 0 if self.micros is None else self.made.micros - self.micros

    def facts(self) -> dict[str, Any]:
        """Print it as JSON has it."""
        made = self.made
        return {
            "team": made.team,
            "model": made.model,
            "resolution": made.resolution,
            "task": made.task,
            "instead": self.model if self.model != made.model else self.version,
            "calls": made.calls,
            "images": made.images,
            "spend_usd": usd(made.micros),
            "instead_usd": None if self.micros is None else usd(self.micros),
            "saved_usd": usd(self.saved_micros),
            "moves": self.verdict.word,
            "why": self.verdict.why,
        }


def made(session: Session, period: Period) -> list[Made]:
    """Read the settled and the paid calls of a period, those alike together."""
    return made_between(session, period.start_us, period.end_us)


def made_between(session: Session, start_us: int, end_us: int) -> list[Made]:
    """Read the settled and the paid calls admitted between two instants, those alike together."""
    found = session.rows(_MADE, (start_us, end_us))
    return [Made(*row[:6], *(int(value) for value in row[6:])) for row in found]


class BadSwap(ValueError):
    """A swap is not of the form MODEL=MODEL, or names a model that nobody ever sold."""


def swapped(text: str, book: PriceBook) -> tuple[str, str]:
    """Read `MODEL=MODEL`, the one that was called and the one instead, by their ids.

    Raises:
        BadSwap: it is of another form, or no price version has such a model.
    """
    model, between, to = text.partition("=")
    if not (model and between and to):
        raise BadSwap("expected MODEL=MODEL, the one that was called and the one instead")
    known = {name for table in book.versions for name in table.models}
    for name in (model, to):
        if name not in known:
            raise BadSwap(f"there is no model {name!r} in any price version")
    return model, to


def at_version(calls: list[Made], table: PriceTable, book: PriceBook) -> Iterator[Instead]:
    """Price calls at another version."""
    for each in calls:
        price = _same_rate(each, table, book)
        if price is None:
            price = unit_micros(table, each.model, each.resolution, each.task)
        micros = None if price is None else price * each.images
        why = YES if price is not None else Verdict("no", f"no price in version {table.version}")
        yield Instead(each, each.model, table.version, micros, why)


def with_model(
    calls: list[Made], model: str, to: str, book: PriceBook, models: Mapping[str, Takes]
) -> Iterator[Instead]:
    """Price one model's calls with another, at the version that priced each."""
    for each in calls:
        if each.model == model:
            table = book.version(each.version)
            price = unit_micros(table, to, each.resolution, each.task)
            if price is None:
                answer = Verdict("no", f"{to} has no price at {each.resolution}")
            else:
                answer = verdict(_shape(each, table.models[to]), models.get(to, Takes(to)))
            yield Instead(each, to, each.version, price and price * each.images, answer)


def _shape(call: Made, to: Model) -> Shape:
    """Tell what is known of a call, with its size where the other's price is for any of them."""
    told = call.resolution == ANY or canonical(call.resolution) in map(canonical, to.resolutions)
    return call.shape if told else replace(call.shape, size=call.resolution)


def _same_rate(call: Made, table: PriceTable, book: PriceBook) -> int | None:
    """Find the rate that a call was priced by, by what it is bound to, in another version.

    The price that was taken tells which of a model's rates it was; None where it tells two.
    """
    mine, theirs = book.version(call.version).models.get(call.model), table.models.get(call.model)
    if mine is None or theirs is None:
        return None
    places = {
        _place(rate)
        for rate in mine.rates
        if rate.resolution == call.resolution and rate.usd_micros == call.unit_micros
    }
    found = {rate.usd_micros for rate in theirs.rates if _place(rate) in places}
    return found.pop() if len(found) == 1 else None


def _place(rate: Rate) -> tuple[object, ...]:
    return canonical(rate.resolution), rate.task, rate.references, rate.quality


def unit_micros(table: PriceTable, model: str, resolution: str, task: str) -> int | None:
    """Price one image of a model at a resolution, in micro-USD; None where it is not sold."""
    found = table.models.get(model)
    label = None if found is None else _label(found, resolution)
    if found is None or label is None:
        return None
    card = found.card
    case = Case(label, OTHER, 0, OTHER) if card.plain else Case(label, card.task(task), None, None)
    rate = card.find(case)
    return None if rate is None else rate.rate.usd_micros


def _label(model: Model, resolution: str) -> str | None:
    """Find a resolution among those that a model sells; a flat price is for all of them."""
    sold = {canonical(label): label for label in model.resolutions}
    if resolution == ANY and ANY not in sold:
        return model.default_resolution
    return sold.get(canonical(resolution), sold.get(ANY))


def folded(found: list[Instead]) -> list[Instead]:
    """Put calls together that differ in nothing that is shown."""
    alike: dict[tuple[str, ...], Instead] = {}
    for each in found:
        made, model = each.made, each.model
        moves, why = each.verdict.word, each.verdict.why
        name = (made.team, made.model, made.resolution, made.task, model, moves, why)
        alike[name] = _both(alike[name], each) if name in alike else each
    return list(alike.values())


def _both(one: Instead, two: Instead) -> Instead:
    micros = None if None in (one.micros, two.micros) else (one.micros or 0) + (two.micros or 0)
    made = replace(
        one.made,
        calls=one.made.calls + two.made.calls,
        images=one.made.images + two.made.images,
        micros=one.made.micros + two.made.micros,
    )
    return replace(one, made=made, micros=micros)


@dataclass(frozen=True, slots=True)
class Sum:
    """What a change comes to over a period, a day and a month; money in micro-USD."""

    days: int
    spend_micros: int
    saved_micros: int  # by calls that can move
    asked_micros: int  # by calls that somebody has to look at
    fixed_calls: int  # that cannot move

    def facts(self) -> dict[str, Any]:
        """Print it as JSON has it."""
        return {
            "days": self.days,
            "spend_usd": usd(self.spend_micros),
            "saved_usd": usd(self.saved_micros),
            "saved_a_day_usd": usd(self.saved_micros // self.days),
            "saved_a_month_usd": usd(self.saved_micros * MONTH_DAYS // self.days),
            "to_be_looked_at_usd": usd(self.asked_micros),
            "calls_that_cannot_move": self.fixed_calls,
        }


def summed(found: list[Instead], period: Period) -> Sum:
    """Add up what a change comes to."""
    return Sum(
        period.days,
        sum(each.made.micros for each in found),
        sum(each.saved_micros for each in found if each.verdict.word == "yes"),
        sum(each.saved_micros for each in found if each.verdict.word == "ask"),
        sum(each.made.calls for each in found if each.verdict.word == "no"),
    )
