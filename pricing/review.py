"""What a person looks at before a price table is let in: what changed, and what looks wrong."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from pricing.errors import TableError
from pricing.lines import Member, line_of, spell
from pricing.load import read_table
from pricing.money import Micros, usd
from pricing.rates import Rate
from pricing.resolution import ANY, canonical
from pricing.table import Model, PriceTable

_RUNGS = ("0.5k", "1k", "2k", "4k")
_WORD = re.compile(r"[a-z0-9]+(?:[._-][a-z0-9]+)*")


@dataclass(frozen=True, slots=True)
class Place:
    """What a rate is the price of."""

    model: str
    resolution: str
    task: str
    references: str
    quality: str


@dataclass(frozen=True, slots=True)
class Change:
    """One price that differs between two versions; None where a version does not have it."""

    place: Place
    before: Micros | None
    after: Micros | None

    @property
    def word(self) -> str:
        """Name the change: `added`, `removed` or `changed`."""
        if self.before is None:
            return "added"
        return "removed" if self.after is None else "changed"


def diff(before: PriceTable, after: PriceTable) -> list[Change]:
    """List the prices that differ, in the order of the tables."""
    old, new = dict(_prices(before)), dict(_prices(after))
    return [
        Change(place, old.get(place), new.get(place))
        for place in dict.fromkeys((*old, *new))
        if old.get(place) != new.get(place)
    ]


def _prices(table: PriceTable) -> Iterator[tuple[Place, Micros]]:
    for model in table.models.values():
        for rate in model.rates:
            yield place_of(model, rate), rate.usd_micros


def place_of(model: Model, rate: Rate) -> Place:
    """Spell out what a rate is bound to; an empty string is no bond."""
    return Place(model.id, rate.resolution, rate.task or "", _range(rate), rate.quality or "")


def _range(rate: Rate) -> str:
    if rate.references is None:
        return ""
    least, most = rate.references
    return f"{least}+" if most is None else f"{least}-{most}"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing about a table file: an error keeps it from loading, a warning wants a look."""

    level: str
    file: str
    line: int | None
    member: str
    why: str


def lint(path: Path) -> list[Finding]:
    """Read one file; its first error, or else what looks wrong in a table that loads."""
    try:
        table = read_table(path)
    except TableError as error:
        return [Finding("error", error.file, error.line, error.member, error.why)]
    return [
        Finding("warning", str(path), line_of(table.text, member), spell(member), why)
        for member, why in _all_doubts(table)
    ]


def _all_doubts(table: PriceTable) -> Iterator[tuple[Member, str]]:
    models = table.models.values()
    if any(not rate.source for model in models for rate in model.rates):
        yield ("source",), "is missing: nobody can tell where these prices are from"
    for model in models:
        yield from _doubts(model)
        yield from _unheard(model)


def _unheard(model: Model) -> Iterator[tuple[Member, str]]:
    """Find the words of rates that no order has: a slip of the pen makes a rate that never fits."""
    here: Member = ("models", model.id, "rates")
    for task in model.card.tasks:
        if not _WORD.fullmatch(task):
            yield here, f"task {task!a} is a word that no route ends in"
    for quality in model.card.qualities:
        if quality == "auto" or not _WORD.fullmatch(quality):
            yield here, f"quality {quality!a} is a word that no order is priced by"


def _doubts(model: Model) -> Iterator[tuple[Member, str]]:
    here: Member = ("models", model.id)
    labels = [label for label in model.resolutions if label != ANY]
    if len(labels) > 1 and model.default_resolution is None:
        yield here, "sells several resolutions and names no default: no size is the dearest"
    for rate in model.rates:
        if rate.list_micros is not None and rate.list_micros < rate.usd_micros:
            why = f"{usd(rate.usd_micros)} is more than the list price {usd(rate.list_micros)}"
            yield (*here, "prices", rate.resolution), why
    for lower, higher in pairwise(_ladder(model)):
        if higher.usd_micros < lower.usd_micros:
            why = f"costs less than {lower.resolution}"
            yield (*here, "prices", higher.resolution), why


def _ladder(model: Model) -> list[Rate]:
    plain = {canonical(rate.resolution): rate for rate in model.rates if rate.bindings == 1}
    return [plain[rung] for rung in _RUNGS if rung in plain]
