"""Which calls could have gone to another model: the facts are data, the rule is here. Pure."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any


@dataclass(frozen=True, slots=True)
class Takes:
    """What a model takes; None is not known."""

    name: str
    references: int | None = None
    portraits: int | None = None
    objects: int | None = None
    ratios: tuple[str, ...] = ()
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
    """What is known of a call; None is not known, as of most calls in the ledger."""

    takes_pictures: bool
    references: int | None = None
    ratio: str | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a call can move: `yes`, `ask` a person, or `no`; and why not."""

    word: str
    why: str = ""


YES = Verdict("yes")


def verdict(shape: Shape, target: Takes) -> Verdict:
    """Say whether a call could have gone to a model that takes so much.

    Portraits and things look alike to the ledger, so a number of pictures between the two
    limits is asked, not assumed.
    """
    if shape.ratio and target.ratios and shape.ratio not in target.ratios:
        return Verdict("no", f"{target.name} has no {shape.ratio}")
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
