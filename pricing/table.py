"""A price table is one dated version of all prices; a new price is a new version."""

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from difflib import get_close_matches
from functools import lru_cache
from hashlib import sha256
from typing import Any, Literal
from urllib.parse import unquote

from pricing.errors import NoTable
from pricing.rates import Rate, RateCard
from pricing.resolution import Scale

ImagesMode = Literal["one", "n", "run"]
_NEAR_MAX, _LIKE = 64, 0.6  # characters; the share of them in common that makes two names alike
_CUT = re.compile(
    r"[/\\;?#:\s\x00-\x1f]+"
)  # where some upstream might end a segment or begin another


@dataclass(frozen=True, slots=True)
class Model:
    """What one model costs, and how an order for it is read."""

    id: str
    kind: str
    images: ImagesMode
    rates: tuple[Rate, ...]
    aliases: tuple[str, ...] = ()
    default_resolution: str | None = None
    complete: bool = True
    relays_unpriced: bool = False
    makes_sequences: bool = False
    scale: Scale = field(init=False, repr=False, compare=False)
    card: RateCard = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Make the rates ready to be asked; they were checked when they were read."""
        scale = Scale(self.id, self.resolutions, self.default_resolution)
        object.__setattr__(self, "scale", scale)
        object.__setattr__(self, "card", RateCard(self.rates))

    @property
    def resolutions(self) -> tuple[str, ...]:
        """The labels it sells, as the table spells and orders them; `any` is a flat price."""
        return tuple(dict.fromkeys(rate.resolution for rate in self.rates))


def names_of(model: Model) -> Iterator[str]:
    """List every name a model may be called by, its id first.

    An alias `vendor/name` also answers to `name`: the vendor word is not part of a price.
    """
    yield model.id
    for alias in model.aliases:
        yield alias
        if "/" in alias:
            yield alias.split("/", 1)[1]


@dataclass(frozen=True, slots=True)
class PriceTable:
    """One version: all rates from `effective_from` on, as read from the TOML in `text`."""

    version: str
    effective_from: datetime
    models: Mapping[str, Model]
    complete: bool
    source: str
    text: str = field(repr=False, compare=False)
    names: Mapping[str, Model] = field(init=False, repr=False)
    sha256: str = field(init=False, repr=False, compare=False)
    """SHA-256 of the text: two that share a version and not this are two tables."""
    quoted: dict[Any, Any] = field(init=False, repr=False, compare=False, default_factory=dict)
    """What `quote` found for orders that are likely to come again."""
    _heads: frozenset[str] = field(init=False, repr=False)
    _longest: int = field(init=False, repr=False)
    _folded: Mapping[str, frozenset[str]] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Index the names; that no two models share one was checked when they were read."""
        names = {name: model for model in self.models.values() for name in names_of(model)}
        long = [name.split("/") for name in names if "/" in name]
        object.__setattr__(self, "names", names)
        object.__setattr__(self, "sha256", sha256(self.text.encode()).hexdigest())
        object.__setattr__(self, "_heads", frozenset(parts[0] for parts in long))
        object.__setattr__(self, "_longest", max(map(len, long), default=1))
        folded: dict[str, frozenset[str]] = {}
        for name, model in names.items():
            folded[name.casefold()] = folded.get(name.casefold(), frozenset()) | {model.id}
        object.__setattr__(self, "_folded", folded)

    def hits(self, segments: Sequence[str]) -> dict[str, str]:
        """Find the models a path names after its vendor: id -> the name it is called by."""
        found = {}
        for segment in segments[1:]:
            if segment in self.names:
                found[self.names[segment].id] = segment
        if not self._heads.isdisjoint(segments):
            found.update(self._long_hits(segments))
        return found

    def _long_hits(self, segments: Sequence[str]) -> Iterator[tuple[str, str]]:
        for start, segment in enumerate(segments):
            if segment in self._heads:
                for length in range(2, self._longest + 1):
                    name = "/".join(segments[start : start + length])
                    if name in self.names:
                        yield self.names[name].id, name

    def nearest(self, name: str, kind: str = "") -> str | None:
        """Name the known model whose id is most like this one, in any case; None for no name.

        One of the `kind` that was asked for goes before all others, if it is like it or none is.
        """
        if not name:
            return None
        known = tuple(self.models)
        alike = tuple(each for each in known if self.models[each].kind == kind) or known
        name = name[:_NEAR_MAX].lower()
        return _nearest(name, alike, _LIKE) or _nearest(name, known, _LIKE) or _nearest(name, alike)

    def others(self, segments: Sequence[str], found: str) -> set[str]:
        """Find the models that some upstream might read in a path besides the one that we do.

        It may forgive case and blanks, cut a segment where an encoded slash or the like stands, or
        look for a model in the vendor's place. Not where the name of the one found stands: an alias
        `vendor/name` may begin with what is a model, too.
        """
        pieces: list[str] = []
        called = set()
        ours = self._places_of(segments, found)
        for at, segment in enumerate(segments):
            if at in ours:
                pieces.append("")  # no name goes on behind it
                continue
            folded = unquote(segment).casefold()  # what stands here was decoded once
            called.add(folded)
            pieces += filter(None, _CUT.split(folded))
        called |= {
            "/".join(pieces[start : start + length])
            for start in range(len(pieces))
            for length in range(1, self._longest + 1)
        }
        return {model for name in called for model in self._folded.get(name, ())} - {found}

    def _places_of(self, segments: Sequence[str], found: str) -> set[int]:
        """Say which segments the names of a model take up, spelled as the table spells them."""
        places: set[int] = set()
        for start in range(len(segments)):
            for length in range(1, self._longest + 1):
                model = self.names.get("/".join(segments[start : start + length]))
                if model is not None and model.id == found:
                    places |= set(range(start, start + length))
        return places


@lru_cache(maxsize=1024)
def _nearest(name: str, known: tuple[str, ...], cutoff: float = 0.0) -> str | None:
    folded = {each.lower(): each for each in known}
    near = get_close_matches(name, folded, n=1, cutoff=cutoff)
    return folded[near[0]] if near else None


class PriceBook:
    """All versions by date."""

    def __init__(self, tables: Iterable[PriceTable]) -> None:
        """Order the versions; raises `ValueError` if two share a name or a first instant."""
        self.versions = tuple(sorted(tables, key=lambda table: table.effective_from))
        self._starts = [table.effective_from for table in self.versions]
        self._by_name = {table.version: table for table in self.versions}
        if len(self._by_name) < len(self.versions):
            raise ValueError("two price tables share a version")
        if len(set(self._starts)) < len(self._starts):
            raise ValueError("two price tables share an effective_from")

    def at(self, instant: datetime) -> PriceTable:
        """Find the version in force at an aware instant; raises `NoTable` before the first."""
        after = bisect_right(self._starts, instant)
        if after == 0:
            raise NoTable(f"no price table is in force at {instant.isoformat()}")
        return self.versions[after - 1]

    def version(self, name: str) -> PriceTable:
        """Find a version by name; raises `NoTable`."""
        try:
            return self._by_name[name]
        except KeyError:
            raise NoTable(f"no price table is called {name!r}") from None
