"""A submit's path and body -> `Order`: strict about whatever moves the price, blind to the rest.

The bytes that are read here are the bytes that are sent, so a body that two parsers could take
for two different orders is refused: no JSON object, a priced member twice, or a name that only
a forgiving parser would take for a priced member.
"""

import json
import re
import unicodedata
from collections.abc import Container, Iterable
from typing import Any, NoReturn

from pricing import NotUnderstood, Order
from pricing.order import Surface
from pricing.providers import is_own
from proxy.structure import check_parts

DEPTH_MAX = 64
_SEQUENCE = "sequential_image_generation"
REFERENCES = ("images", "image", "input_references")
WATCHED = frozenset(
    {"model", "size", "resolution", "n", "num_images", "quality", *REFERENCES}
    | {"provider", _SEQUENCE}
)
_OPTIONS = ("options", None, "parameters")  # below `provider`; None is whatever slug stands there
_SLUG_MAX = 64  # characters of a slug that a refusal repeats
_BEGINNINGS = frozenset(
    name[:end] for name in (*WATCHED, *filter(None, _OPTIONS)) for end in range(1, len(name) + 1)
)
_NO_SEQUENCE = (None, "", "disabled", False)
_PIECE = 64  # characters of a name that are folded at once
# Unicode's case folding drops what is never shown; these are its default-ignorable characters.
_UNSEEN = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e"
    "\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3"
    "\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)

Pairs = tuple[tuple[str, Any], ...]
"""A JSON object as it was written: repeated members and all. A JSON list is a list."""
Members = dict[str, Any]
"""What of a JSON object would move the price."""


def read_order(surface: Surface, segments: tuple[str, ...], body: bytes) -> Order:
    """Read what a submit asks for; raises `NotUnderstood` where that could be two things."""
    document = _parse(body)
    members = _watched(document)
    get = members.get
    order = Order(
        surface,
        segments,
        get("model"),
        get("size"),
        get("resolution"),
        get("n"),
        get("quality"),
        _references([members]),
        get("num_images"),
        _asks_sequence(members),
        (),
        _aspect(document),
    )
    if surface == "path" or not (options := _below("provider", get("provider"), _OPTIONS)):
        return order
    return _with_options(order, members, options)


def _with_options(order: Order, members: Members, options: list[tuple[str, Members]]) -> Order:
    """Add what stands in the options: under the provider's own slug, and under any."""
    every = [each for _, each in options]
    own = [each for slug, each in options if is_own(slug, order.model)]
    sequence = order.sequence or any(map(_asks_sequence, every))
    order, trusting = (
        order._replace(
            references=_references([members, *found]), sequence=sequence, options=tuple(found)
        )
        for found in (own, every)
    )
    return order if len(own) == len(every) else order._replace(trusting=trusting)


def _not_json(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


# A tuple of pairs is made without a call into Python for every object of the body.
_DECODER = json.JSONDecoder(object_pairs_hook=tuple, parse_constant=_not_json)


def _parse(body: bytes) -> Pairs:
    check_parts(body)
    try:
        document = _decoded(body.decode("utf-8"))
    except (ValueError, RecursionError):
        raise NotUnderstood("body", "is not one JSON object in UTF-8") from None
    if not isinstance(document, tuple):
        raise NotUnderstood("body", "is not a JSON object")
    if body.count(b"{") + body.count(b"[") > DEPTH_MAX and _is_deep(document):
        raise NotUnderstood("body", f"is nested more than {DEPTH_MAX} deep")
    return document


def _decoded(text: str) -> Any:
    """Decode JSON; where no blanks stand around it, without looking for them."""
    if text.startswith("{"):
        document, end = _DECODER.raw_decode(text)
        if end == len(text):
            return document
    return _DECODER.decode(text)


def _is_deep(document: Pairs) -> bool:
    level: list[object] = [document]
    for _ in range(DEPTH_MAX):
        level = [each for inner in level for each in _inside(inner) if type(each) in (tuple, list)]
    return bool(level)


def _inside(value: Any) -> Iterable[object]:
    return value if type(value) is list else (each for _, each in value)


def _watched(members: Pairs) -> Members:
    seen: Members = {}
    for name, value in members:
        if name in WATCHED:
            if name in seen:
                raise NotUnderstood(name, "stands in the body twice")
            seen[name] = value
        elif not name.islower() or not name.isascii():
            _refuse_twin(name, WATCHED)
    return seen


def _refuse_twin(name: str, of: Container[str]) -> None:
    folded = name.lower() if name.isascii() else _folded(name)
    if folded in of:
        raise NotUnderstood(folded, "stands in the body in a spelling that some would take for it")


class _NoTwin(Exception):
    """A character that no folding makes ASCII, as all names that count are."""


class _Folds(dict[int, str]):
    """What NFKC case folding makes of characters: of the some thousand that it makes ASCII."""

    def __missing__(self, ordinal: int) -> str:
        char = chr(ordinal)
        folded = "" if _UNSEEN.match(char) else unicodedata.normalize("NFKC", char).casefold()
        if not folded.isascii():
            raise _NoTwin
        self[ordinal] = folded
        return folded


_FOLDS = _Folds()


def _folded(name: str) -> str:
    """Fold a name by NFKC and case, as far as it may still come to one that counts.

    What comes to ASCII does so by the character. To fold the whole of a name of megabytes would
    take seconds and a gigabyte: some characters become eighteen.
    """
    folded = ""
    try:
        for at in range(0, len(name), _PIECE):
            folded += name[at : at + _PIECE].translate(_FOLDS)
            if folded and folded not in _BEGINNINGS:
                break
    except _NoTwin:
        return ""
    return folded


def _references(places: list[Members]) -> int:
    """Count the pictures that are brought along: at the top or in options, in both the same."""
    count, known = 0, None
    for members in places:
        found = {name: members[name] for name in REFERENCES if name in members}
        counted = sum(map(_pictures, found.values()))
        if not counted:
            continue
        if known is not None and found != known:
            raise NotUnderstood(
                next(iter(found)), "says one thing in the body, another in its options"
            )
        count, known = counted, found
    return count


def _pictures(value: object) -> int:
    if type(value) is list:
        return len(value)
    return 0 if value in (None, "") else 1


def _asks_sequence(members: Members) -> bool:
    """Whether a run is asked for; one yes counts, since a run costs what one image does."""
    return members.get(_SEQUENCE) not in _NO_SEQUENCE


def _aspect(document: Pairs) -> object:
    """Find the aspect; the last one counts, as with most parsers: it moves no price."""
    return dict(document).get("aspect_ratio")


def _below(at: str, value: object, way: tuple[str | None, ...]) -> list[tuple[str, Members]]:
    """Find what would move the price at the end of a way of names, where there is any; by slug.

    The names are watched as it is. One that stands twice may do so only with nothing priced below
    it: some parsers keep the first and some the last.
    """
    members = _members(at, value)
    if not way:
        priced = _watched(members)
        return [("", priced)] if priced else []
    found: list[tuple[str, Members]] = []
    seen: dict[str, bool] = {}
    for name, each in members:
        if way[0] is not None and name != way[0]:
            _refuse_twin(name, (way[0],))
            continue
        below = _below(name, each, way[1:])
        if name in seen and (below or seen[name]):
            raise NotUnderstood(name[:_SLUG_MAX], "stands in the body twice")
        seen[name] = bool(below)
        found += below if way[0] is not None else [(name, priced) for _, priced in below]
    return found


def _members(name: str, value: object) -> Pairs:
    """Read an object, absent where null or what some languages write for one that is empty."""
    if isinstance(value, tuple):
        return value
    if value is None or value == []:
        return ()
    raise NotUnderstood(name[:_SLUG_MAX], "is not a JSON object")
