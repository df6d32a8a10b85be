"""Every spelling of a size -> a resolution that the model sells.

A value has one of three meanings: a label of the table, no size at all (absent, or only a
shape), or something the model does not sell, which is priced as its dearest.
"""

import re
from collections.abc import Iterable
from enum import Enum
from typing import NamedTuple

ANY = "any"
_HALF_K = {"512": "0.5k", "512px": "0.5k"}
_AUTOMATIC = frozenset({"auto", "adaptive"})
_SPELLING_MAX = 32
_RATIO = re.compile(r"[0-9]+(?:\.[0-9]+)?:[0-9]+(?:\.[0-9]+)?")
_PIXELS = re.compile(r"([1-9][0-9]{0,5})x([1-9][0-9]{0,5})")


class Open(Enum):
    """What a value says when it names no resolution of the model."""

    NO_SIZE = "no size"
    DEAREST = "nothing it sells"


Reading = str | Open


class Family(NamedTuple):
    """How one vendor's models read a size.

    `limits` are rungs of (label, most pixels, longest edge, other edge), lowest first; a size
    in pixels stands on the first rung that holds it and that the model sells.
    """

    resolution_first: bool
    limits: tuple[tuple[str, int, int, int], ...]


_FREE = 10**12  # beyond any size that is read
_BY_AREA = (
    ("0.5k", 300_000, _FREE, _FREE),
    ("1k", 1_100_000, _FREE, _FREE),
    ("2k", 4_400_000, _FREE, _FREE),
    ("4k", 17_200_000, _FREE, _FREE),
)
# A square is no video frame: 2048x2048 is what everyone calls 2K, and so is 2560x1440.
_BY_EDGES = (
    ("1080p", _FREE, 1920, 1080),
    ("2k", _FREE, 2560, 2048),
    ("4k", _FREE, 4096, 4096),
)
_FAMILIES = (
    ("gemini-", Family(resolution_first=False, limits=_BY_AREA)),
    ("nano-banana", Family(resolution_first=False, limits=_BY_AREA)),
    ("dola-seedream-", Family(resolution_first=False, limits=_BY_AREA)),
    ("grok-", Family(resolution_first=True, limits=_BY_AREA)),
    ("vidu", Family(resolution_first=True, limits=_BY_EDGES)),
    ("kling-", Family(resolution_first=True, limits=())),
    ("wan-", Family(resolution_first=True, limits=())),
)
_OTHERS = Family(resolution_first=False, limits=())


def family(model: str) -> Family:
    """Say how a model of the table reads sizes, by its vendor's naming."""
    return next((kin for start, kin in _FAMILIES if model.startswith(start)), _OTHERS)


def canonical(label: str) -> str:
    """Fold the spellings of one label: case, `*` for `x`, and the three ways to say 0.5K."""
    folded = label.lower().replace("*", "x")
    return _HALF_K.get(folded, folded)


class Scale:
    """The resolutions one model sells, and how it reads what a body asks for."""

    __slots__ = ("_default", "_family", "_labels", "flat", "sells_any")

    def __init__(self, model: str, labels: Iterable[str], default: str | None) -> None:
        """Take labels as the table spells them; `default` is what a call without a size buys."""
        sold = tuple(labels)
        self._family = family(model)
        self._labels = {canonical(label): label for label in sold if label != ANY}
        self.sells_any = ANY in sold
        self.flat = not self._labels
        self._default: Reading = self._labels[canonical(default)] if default else Open.DEAREST

    def choose(self, size: object, resolution: object) -> Reading:
        """Read both members of a body in the family's order; `Open.DEAREST` if neither decides."""
        if self.flat:
            return ANY
        reading = self.read(self.deciding(size, resolution))
        return self._default if reading is Open.NO_SIZE else reading

    def deciding(self, size: object, resolution: object) -> object:
        """Find the member that decides, raw as asked: the first that speaks of a size."""
        if self._family.resolution_first:
            size, resolution = resolution, size
        return resolution if self.read(size) is Open.NO_SIZE else size

    def read(self, value: object) -> Reading:
        """Read one value. A number, a list or any other non-string is nothing the model sells."""
        if value is None or value == "":
            return Open.NO_SIZE
        if not isinstance(value, str):
            return Open.DEAREST
        return self._read_text(value)

    def _read_text(self, value: str) -> Reading:
        # Only ASCII folds here: the Kelvin sign lowers to k, and the upstream may not agree.
        if len(value) > _SPELLING_MAX or not value.isascii():
            return self._unsold()
        folded = canonical(value)
        if folded in self._labels:
            return self._labels[folded]
        if folded in _AUTOMATIC:
            return Open.DEAREST
        if _RATIO.fullmatch(folded):
            return Open.NO_SIZE
        return self._on_a_rung(folded)

    def _on_a_rung(self, folded: str) -> Reading:
        found = _PIXELS.fullmatch(folded)
        if found is None:
            return self._unsold()
        short, long = sorted((int(found[1]), int(found[2])))
        for label, area, longest, other in self._family.limits:
            fits = short * long <= area and long <= longest and short <= other
            if fits and label in self._labels:
                return self._labels[label]
        return self._unsold()

    def _unsold(self) -> Reading:
        return ANY if self.sells_any else Open.DEAREST
