"""Which v3 call a request is: decided from method and raw path, decoded once."""

import re
from dataclasses import dataclass, field
from enum import Enum
from typing import Final, Literal
from urllib.parse import unquote_to_bytes

Surface = Literal["path", "unified"]

PREFIX: Final = b"/api/v3"


class Route(Enum):
    """What a request asks of the relay (interface, section 3)."""

    SUBMIT = "submit"
    POLL = "poll"
    UPLOAD = "upload"
    OPTIONS = "options"
    OTHER = "other"  # an unlisted v3 call: an own key's business, 404 with a Farebox key
    FOREIGN = "foreign"  # not under /api/v3


@dataclass(frozen=True, slots=True)
class Routed:
    """A request's place in v3: its segments below the prefix and a poll's id, both decoded."""

    route: Route
    surface: Surface
    segments: tuple[str, ...] = ()
    prediction_id: str | None = None
    label: str = field(init=False)
    """What the metrics and the log call it."""

    def __post_init__(self) -> None:
        """Name it once: an enum's value is dear to ask for."""
        told = self.route in (Route.SUBMIT, Route.POLL)
        object.__setattr__(self, "label", self.route.value if told else "relay")


UPLOAD: Final = ("media", "uploads")

# The model of these stands in the body; every other POST names it in the path.
UNIFIED: Final = frozenset(
    {
        ("images",),
        ("images", "edit"),
        ("images", "generations"),
        ("videos",),
        ("lip-sync",),
        ("3d",),
        ("image-upscaler",),
        ("contents", "generations", "tasks"),
    }
)

# What stands before and after the id of a poll, and whose dialect it answers in.
POLLS: Final[dict[tuple[tuple[str, ...], tuple[str, ...]], Surface]] = {
    (("predictions",), ()): "path",
    (("predictions",), ("result",)): "path",
    (("tasks", "result"), ()): "unified",
    (("videos",), ()): "unified",
    (("contents", "generations", "tasks"), ()): "unified",
}

READS: Final = frozenset({"GET", "HEAD"})
_POLL_URL: Final = re.compile(
    r"(?:https?://[^/?#\\]++)?(/api/v3/(?:(?![?#\\])[!-~])++)(?![^?#])", re.IGNORECASE
)


def route(method: str, raw_path: bytes) -> Routed:
    """Say which call this is; `raw_path` is the path as sent, a query is ignored."""
    segments = _segments(raw_path.partition(b"?")[0])
    if method == "OPTIONS":
        return Routed(Route.OPTIONS, "path", segments or ())
    if segments is None:
        return Routed(Route.FOREIGN, "path")
    if method == "POST":
        return _submit(segments)
    return _read(method, segments)


def polled_at(url: str) -> str | None:
    """Return the id that a poll URL names, absolute or not; None where it is no poll of v3."""
    found = _POLL_URL.match(url)
    return found and route("GET", found[1].encode()).prediction_id


def why_closed(segments: tuple[str, ...]) -> str:
    """Say why a Farebox key is refused at a v3 route; "" where the base URL holds the prefix too.

    What is not listed may show all that was done under the shared upstream key.
    """
    if segments[:2] == ("api", "v3"):
        return ""
    return (
        "With a Farebox key only submits (POST), their results and POST media/uploads are open"
        " under /api/v3."
    )


def _segments(path: bytes) -> tuple[str, ...] | None:
    """Return the decoded segments below the prefix, None for a path that is not under it.

    Split first and decoded then: a `%2F` belongs to its segment, so that an id that holds a
    slash stays one id and no encoded slash makes a fixed route. One trailing slash is forgiven.
    """
    if not path.startswith(PREFIX):
        return None
    below = path[len(PREFIX) :]
    if below and not below.startswith(b"/"):
        return None
    parts = below[1:].removesuffix(b"/").split(b"/")
    if parts == [b""]:
        return ()
    return tuple(unquote_to_bytes(part).decode(errors="replace") for part in parts)


def _submit(segments: tuple[str, ...]) -> Routed:
    if segments == UPLOAD:
        return Routed(Route.UPLOAD, "path", segments)
    in_body = segments in UNIFIED or segments[:1] == ("audio",)
    return Routed(Route.SUBMIT, "unified" if in_body else "path", segments)


def _read(method: str, segments: tuple[str, ...]) -> Routed:
    for (before, after), surface in POLLS.items():
        found = _between(segments, before, after)
        if found and method in READS:
            return Routed(Route.POLL, surface, segments, found)
    return Routed(Route.OTHER, "path", segments)


def _between(segments: tuple[str, ...], before: tuple[str, ...], after: tuple[str, ...]) -> str:
    """Return the one segment between the two, "" if the segments are not of that form."""
    at = len(before)
    if segments[:at] != before or len(segments) != at + 1 + len(after):
        return ""
    return segments[at] if segments[at + 1 :] == after else ""
