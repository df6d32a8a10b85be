"""A submit's path and body -> `Order`: strict about whatever moves the price, blind to the rest.

The bytes that are read here are the bytes that are sent, so a body that two parsers could take
for two different orders is refused: no JSON object, a priced member twice, or a name that only
a forgiving parser would take for a priced member.
"""

import json
import re
import unicodedata
from collections.abc import Iterable, Iterator
from typing import Any, NoReturn

from pricing import NotUnderstood, Order
from pricing.order import Surface

DEPTH_MAX = 64
REFERENCES = ("images", "image", "input_references")
WATCHED = frozenset(
    {"model", "size", "resolution", "n", "num_images", "quality", *REFERENCES}
    | {"provider", "sequential_image_generation"}
)
_NO_SEQUENCE = (None, "", "disabled", False)
# Unicode's case folding drops what is never shown; these are its default-ignorable characters.
_UNSEEN = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e"
    "\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3"
    "\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)

Pairs = tuple[tuple[str, Any], ...]
"""A JSON object as it was written: repeated members and all. A JSON list is a list."""


def read_order(surface: Surface, segments: tuple[str, ...], body: bytes) -> Order:
    """Read what a submit asks for; raises `NotUnderstood` where that could be two things."""
    document = _parse(body)
    members = _watched(document)
    get = members.get
    return Order(
        surface,
        segments,
        get("model"),
        get("size"),
        get("resolution"),
        get("n"),
        get("quality"),
        sum([_references(members[name]) for name in REFERENCES if name in members]),
        get("num_images"),
        get("sequential_image_generation") not in _NO_SEQUENCE,
        tuple(_options(get("provider"))) if surface == "unified" else (),
        _aspect(document),
    )


def _not_json(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


# A tuple of pairs is made without a call into Python for every object of the body.
_DECODER = json.JSONDecoder(object_pairs_hook=tuple, parse_constant=_not_json)


def _parse(body: bytes) -> Pairs:
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


def _watched(members: Pairs) -> dict[str, Any]:
    seen: dict[str, Any] = {}
    for name, value in members:
        if name in WATCHED:
            if name in seen:
                raise NotUnderstood(name, "stands in the body twice")
            seen[name] = value
        elif not name.islower() or not name.isascii():
            _refuse_twin(name)
    return seen


def _refuse_twin(name: str) -> None:
    folded = _folded(name)
    if folded in WATCHED:
        raise NotUnderstood(folded, "stands in the body in a spelling that some would take for it")


def _folded(name: str) -> str:
    return unicodedata.normalize("NFKC", _UNSEEN.sub("", name)).casefold()


def _references(value: object) -> int:
    if type(value) is list:
        return len(value)
    return 0 if value in (None, "") else 1


def _aspect(document: Pairs) -> object:
    """Find the aspect; the last one counts, as with most parsers: it moves no price."""
    return dict(document).get("aspect_ratio")


def _options(provider: object) -> Iterator[dict[str, Any]]:
    """Find the members of `provider.options.*.parameters` that would move the price."""
    for options in _named(provider, "options"):
        for _, slug in _members(options):
            yield from (_watched(_members(each)) for each in _named(slug, "parameters"))


def _named(value: object, name: str) -> list[object]:
    return [each for key, each in _members(value) if key == name]


def _members(value: object) -> Pairs:
    return value if isinstance(value, tuple) else ()
