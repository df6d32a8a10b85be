"""What a proof finds: one place where two figures disagree. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Difference:
    """One place where two figures disagree; money in micro-USD."""

    where: str
    what: str
    derived: int
    found: int


def unequal(where: str, **figures: tuple[int, int]) -> Iterator[Difference]:
    """Yield each figure whose derived and found values are not the same."""
    for what, (derived, found) in figures.items():
        if derived != found:
            yield Difference(where, what, derived, found)


def apart(derived: str, found: str) -> tuple[int, int]:
    """Show two hashes by up to 52 bits from where they part: two figures that are not the same."""
    pairs = enumerate(zip(derived, found, strict=False))
    at = next((place for place, (one, other) in pairs if one != other), 0)
    try:
        shown = int(derived[at : at + 13], 16), int(found[at : at + 13], 16)
    except ValueError:  # one of them is no hash
        return 1, 0
    return shown if shown[0] != shown[1] else (1, 0)
