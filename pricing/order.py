"""The priced parts of a submit, raw as asked."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Literal, NamedTuple

from pricing.errors import NotUnderstood

Surface = Literal["path", "unified"]

N_MAX = 10
_WORD_MAX, _PATH_MAX = 64, 256  # characters of an order that is likely to come again
_COUNT = re.compile(r"[1-9]|10")
_RATIO = re.compile(r"[1-9][0-9]{0,2}:[1-9][0-9]{0,2}")


class Order(NamedTuple):
    """What one submit asks for, as far as its price is concerned.

    `segments` are the decoded path segments below `/api/v3`, `references` how many pictures the
    body brings along, `options` the `provider.options.*.parameters` of the unified surface that
    stand under a slug of the model's own provider. `trusting` is the same order with those of any
    slug, where there are others.
    """

    surface: Surface
    segments: tuple[str, ...]
    model: object = None
    size: object = None
    resolution: object = None
    n: object = None
    quality: object = None
    references: int = 0
    num_images: object = None
    sequence: bool = False
    options: tuple[Mapping[str, Any], ...] = ()
    aspect: object = None
    trusting: "Order | None" = None

    @property
    def is_ordinary(self) -> bool:
        """Whether this is a short order of words and whole numbers, as nearly every one is.

        Two of them are equal only if they ask for the same. Of others that is not so: true is equal
        to 1, and so is 1.0.
        """
        for value in (self.model, self.size, self.resolution, self.n, self.quality,
                      self.num_images, self.aspect):  # fmt: skip
            if value is None or type(value) is int:
                continue
            if type(value) is not str or len(value) > _WORD_MAX:
                return False
        if self.options or self.trusting is not None:
            return False
        return sum(map(len, self.segments)) <= _PATH_MAX

    @property
    def ratio(self) -> str:
        """The aspect asked for, such as `16:9`; empty where nobody says. It moves no price."""
        for value in (self.aspect, self.size):
            if isinstance(value, str) and _RATIO.fullmatch(value):
                return value
        return ""

    def asked(self, member: str) -> object:
        """Read a member wherever the body may hold it; it must say one thing everywhere.

        Raises `NotUnderstood` when the body and its provider options differ.
        """
        value: object = getattr(self, member)
        for options in self.options:
            nested = options.get(member)
            if nested in (None, "", value):
                continue
            if value not in (None, ""):
                raise NotUnderstood(member, "says one thing in the body, another in its options")
            value = nested
        return value


def requested_n(order: Order) -> int:
    """Read how many images were asked for, at most: 1 if nobody says, from 1 to 10.

    Raises `NotUnderstood` for anything but an integer or a string of digits in that range
    (`"01"` is neither), and where `n`, `num_images` and the provider options disagree.
    """
    if order.trusting is not None:
        return max(map(requested_n, (order._replace(trusting=None), order.trusting)))
    counts = {_count(member, value) for member, value in _spellings(order)}
    if len(counts) > 1:
        raise NotUnderstood("n", "is asked for in two ways that differ")
    return counts.pop() if counts else 1


def _spellings(order: Order) -> Iterator[tuple[str, object]]:
    if order.n is not None:
        yield "n", order.n
    if order.num_images is not None:
        yield "num_images", order.num_images
    for options in order.options:
        for member in ("n", "num_images"):
            if options.get(member) is not None:
                yield member, options[member]


def _count(member: str, value: object) -> int:
    if isinstance(value, str) and _COUNT.fullmatch(value):
        return int(value)
    if type(value) is int and 1 <= value <= N_MAX:
        return value
    raise NotUnderstood(member, f"must be a whole number from 1 to {N_MAX}")
