"""Which of a model's rates fits an order.

A rate may be bound to a resolution, a task, a number of references and a quality; what it leaves
out fits everything. The rate with the most bindings wins. What an order leaves open takes the
dearest of the rates it could come to.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, product
from typing import NamedTuple

from pricing.money import Micros
from pricing.resolution import ANY, canonical

OTHER = ""
"""A value that no rate of the model names."""

TASKS = {
    "edit": "image-to-image",
    "image-edit": "image-to-image",
    "image-to-edit": "image-to-image",
    "image-to-image": "image-to-image",
    "reference-to-image": "image-to-image",
    "text-to-image": "text-to-image",
    "text-to-imgae": "text-to-image",
}
"""Task words of the upstream that mean one task; its docs publish the misspelling as a URL."""

_MADE = {
    "video": re.compile("video|start-end-frame|first-last-frame|lip-sync|animate|2v"),
    "audio": re.compile("audio|speech|voice|music"),
    "3d": re.compile("3d"),
}


def asks_for(word: str) -> str:
    """What a word of a route asks for, in any case, if not images; "" if it says nothing.

    What comes out stands after `-to-`.
    """
    made = word.lower().replace("_", "-").rpartition("-to-")[2]
    return next((kind for kind, words in _MADE.items() if words.search(made)), "")


class Case(NamedTuple):
    """What one order asks of a model; None where it leaves the matter open."""

    resolution: str | None
    task: str | None
    references: int | None
    quality: str | None


@dataclass(frozen=True, slots=True)
class Rate:
    """One price of one model; `list_micros` is the vendor's own price, where known."""

    usd_micros: Micros
    list_micros: Micros | None = None
    status: str = "published"
    resolution: str = ANY
    task: str | None = None
    references: tuple[int, int | None] | None = None
    quality: str | None = None
    source: str = ""
    note: str = ""

    @property
    def bindings(self) -> int:
        """How many matters it is bound to: its rank among the rates that fit."""
        bound = (self.task, self.references, self.quality)
        return (self.resolution != ANY) + sum(each is not None for each in bound)

    def fits(self, case: Case) -> bool:
        """Whether it is the price, or one of them, of a case that leaves nothing open."""
        return (
            self.resolution in (ANY, case.resolution)
            and self.task in (None, case.task)
            and self.quality in (None, case.quality)
            and self._counts(case.references or 0)
        )

    def _counts(self, references: int) -> bool:
        if self.references is None:
            return True
        least, most = self.references
        return least <= references and (most is None or references <= most)

    def overlaps(self, other: "Rate") -> bool:
        """Whether one order could fit both."""
        return (
            _meet(canonical(self.resolution), canonical(other.resolution), ANY)
            and _meet(self.task, other.task, None)
            and _meet(self.quality, other.quality, None)
            and _ranges_meet(self.references, other.references)
        )


def _meet(one: str | None, two: str | None, free: str | None) -> bool:
    return one == two or free in (one, two)


def _ranges_meet(one: tuple[int, int | None] | None, two: tuple[int, int | None] | None) -> bool:
    if one is None or two is None:
        return True
    return (two[1] is None or one[0] <= two[1]) and (one[1] is None or two[0] <= one[1])


def ties(rates: Sequence[Rate]) -> Iterator[tuple[int, int]]:
    """Find the pairs (by index) that one order could fit with neither more specific."""
    for one, two in combinations(range(len(rates)), 2):
        if rates[one].bindings == rates[two].bindings and rates[one].overlaps(rates[two]):
            yield one, two


class Found(NamedTuple):
    """The dearest rate an order could come to, and whether the order left it open."""

    rate: Rate
    is_open: bool


class RateCard:
    """All rates of one model, ready to be asked."""

    __slots__ = ("_memo", "_points", "_resolutions", "plain", "qualities", "rates", "tasks")

    def __init__(self, rates: Sequence[Rate]) -> None:
        """Take rates without a tie among them."""
        self.rates = tuple(rates)
        self._resolutions = tuple(dict.fromkeys(rate.resolution for rate in rates))
        self.tasks = tuple(dict.fromkeys(rate.task for rate in rates if rate.task))
        self.qualities = tuple(dict.fromkeys(rate.quality for rate in rates if rate.quality))
        self._points = tuple(sorted({0, *self._turns()}, reverse=True))
        self.plain = not (self.tasks or self.qualities or len(self._points) > 1)
        self._memo: dict[Case, Found | None] = {}

    def _turns(self) -> Iterator[int]:
        for rate in self.rates:
            if rate.references is not None:
                least, most = rate.references
                yield least
                if most is not None:
                    yield most + 1

    def find(self, case: Case) -> Found | None:
        """Price a case whose values were read by the methods below; None if no rate fits."""
        if case not in self._memo:  # bounded: every value is one of the table's or OTHER
            self._memo[case] = self._find(case)
        return self._memo[case]

    def _find(self, case: Case) -> Found | None:
        fitting = [rate for each in self._closed(case) if (rate := self._best(each)) is not None]
        if not fitting:
            return None
        dearest = max(fitting, key=lambda rate: rate.usd_micros)
        return Found(dearest, any(rate.usd_micros != dearest.usd_micros for rate in fitting))

    def _closed(self, case: Case) -> Iterator[Case]:
        choices = (
            self._resolutions if case.resolution is None else (case.resolution,),
            (*self.tasks, OTHER) if case.task is None else (case.task,),
            self._points if case.references is None else (case.references,),
            (*self.qualities, OTHER) if case.quality is None else (case.quality,),
        )
        return (Case(*each) for each in product(*choices))

    def _best(self, case: Case) -> Rate | None:
        fitting = (rate for rate in self.rates if rate.fits(case))
        return max(fitting, key=lambda rate: rate.bindings, default=None)

    def task(self, word: str) -> str | None:
        """Read a task word as one the rates name, `OTHER`, or None: a word nobody knows."""
        if word in self.tasks or not self.tasks:
            return word if self.tasks else OTHER
        meaning = TASKS.get(word)
        alike = [task for task in self.tasks if TASKS.get(task, task) == meaning]
        if len(alike) == 1:
            return alike[0]
        return None if meaning is None or alike else OTHER

    def references(self, count: int, task: str) -> int | None:
        """Fold a count of references to the least one priced alike.

        None for an edit in which no reference was recognised: it has some, under another name.
        """
        if count == 0 and TASKS.get(task) == "image-to-image":
            return None
        return next(point for point in self._points if point <= count)

    def quality(self, value: object) -> str | None:
        """Read a quality as one the rates name, `OTHER`, or None: absent or left to the model."""
        if value in (None, "") or not self.qualities:
            return None if self.qualities else OTHER
        folded = value.lower() if isinstance(value, str) and value.isascii() else OTHER
        if folded == "auto":
            return None
        return folded if folded in self.qualities else OTHER
