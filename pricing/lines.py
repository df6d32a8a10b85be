"""Where in a TOML text a member stands: `tomllib` says it of bad syntax only."""

import re
from collections import Counter
from collections.abc import Iterator

Member = tuple[str | int, ...]
_KEY = re.compile(r"""\s*(?:"((?:[^"\\]|\\.)*)"|'([^']*)'|([A-Za-z0-9_-]+))\s*\.?""")


def spell(member: Member) -> str:
    """Print the place of a member, `models.x.prices.1K.usd`."""
    return ".".join(str(part) for part in member)


def line_of(text: str, member: Member) -> int | None:
    """Find the line that holds a member, or the nearest table around it; None if nothing does."""
    best, found = 0, None
    for number, place in _places(text):
        depth = min(len(place), len(member))
        if depth > best and place[:depth] == member[:depth]:
            best, found = depth, number
    return found


def _places(text: str) -> Iterator[tuple[int, Member]]:
    header: Member = ()
    seen: Counter[Member] = Counter()
    for number, line in enumerate(text.splitlines(), start=1):
        stripped = line.strip()
        if stripped.startswith("[["):
            name = _keys(stripped[2:])
            header = (*name, seen[name])
            seen[name] += 1
            yield number, header
        elif stripped.startswith("["):
            header = _keys(stripped[1:])
            yield number, header
        elif keys := _keys(stripped):
            yield number, header + keys


def _keys(text: str) -> Member:
    keys: list[str] = []
    place = 0
    while found := _KEY.match(text, place):
        keys.append(next(group for group in found.groups() if group is not None))
        place = found.end()
    return tuple(keys)
