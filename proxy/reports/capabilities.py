"""Which calls could have gone to another model: the facts are data, the rule is here. Pure."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Final

SIZES: Final = ("0.5K", "1K", "2K", "4K")


@dataclass(frozen=True, slots=True)
class Takes:
    """What a model takes; None is not known."""

    name: str
    references: int | None = None
    portraits: int | None = None
    objects: int | None = None
    ratios: tuple[str, ...] = ()
    largest: str | None = None
    source: str = ""


@dataclass(frozen=True, slots=True)
class Swap:
    """A change that is worth a look, and what speaks against it."""

    model: str
    to: str
    why: str
    caveats: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Shape:
    """What is known of a call; None is not known, as of most calls in the ledger.

    `size` is what it was sold at, where the other model's price does not tell that it makes it.
    """

    takes_pictures: bool
    references: int | None = None
    ratio: str | None = None
    size: str | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a call can move: `yes`, `ask` a person, or `no`; and why not."""

    word: str
    why: str = ""


YES = Verdict("yes")


def verdict(shape: Shape, target: Takes) -> Verdict:
    """Say whether a call could have gone to a model that takes so much: the worst of what is known.

    Portraits and things look alike to the ledger, so a number of pictures between the two
    limits is asked, not assumed.
    """
    found = (_ratio(shape, target), _size(shape, target), _pictures(shape, target))
    return next((each for word in ("no", "ask") for each in found if each.word == word), YES)


def _ratio(shape: Shape, target: Takes) -> Verdict:
    if shape.ratio and target.ratios and shape.ratio not in target.ratios:
        return Verdict("no", f"{target.name} has no {shape.ratio}")
    return YES


def _size(shape: Shape, target: Takes) -> Verdict:
    wanted, most = _rank(shape.size), _rank(target.largest)
    if shape.size is None or wanted in (0, 1):  # up to 1K every image model makes
        return YES
    if wanted is None or most is None:
        asked = f"{target.name} has one price for all sizes; does it make {shape.size}?"
        return Verdict("ask", asked)
    return YES if wanted <= most else Verdict("no", f"{target.name} makes {target.largest} at most")


def _rank(size: str | None) -> int | None:
    return SIZES.index(size.upper()) if size and size.upper() in SIZES else None


def _pictures(shape: Shape, target: Takes) -> Verdict:
    if not shape.takes_pictures:
        return YES
    limits = [n for n in (target.portraits, target.objects, target.references) if n is not None]
    if shape.references is None or not limits:
        most = min(limits) if limits else "it may"
        return Verdict("ask", f"fits unless it brings more than {most} pictures")
    if shape.references > max(limits):
        return Verdict("no", f"{shape.references} pictures; {target.name} takes {max(limits)}")
    if shape.references > min(limits):
        return Verdict("ask", f"{shape.references} pictures; {_limits(target)}")
    return YES


def _limits(target: Takes) -> str:
    parts = [f"{target.name} keeps {target.portraits} portraits"] if target.portraits else []
    parts += [f"{target.objects} things"] if target.objects else []
    return " and ".join(parts) or f"{target.name} takes {target.references}"


def read(text: str) -> tuple[dict[str, Takes], tuple[Swap, ...]]:
    """Read the table of models and of swaps."""
    document = tomllib.loads(text)
    models: dict[str, Takes] = {}
    for model, facts in document["models"].items():
        models[model] = models[facts["same_as"]] if "same_as" in facts else _takes(facts)
    swaps = (Swap(**{**each, "caveats": tuple(each["caveats"])}) for each in document["swaps"])
    return models, tuple(swaps)


def _takes(facts: Mapping[str, Any]) -> Takes:
    return Takes(**{**facts, "ratios": tuple(facts.get("ratios", ()))})


def bundled() -> tuple[dict[str, Takes], tuple[Swap, ...]]:
    """Read the table that comes with Farebox."""
    return read((files("proxy.reports") / "capabilities.toml").read_text(encoding="utf-8"))
