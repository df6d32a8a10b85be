"""What is fuzzed: each target takes any bytes, and says by an assertion that it was broken.

The promises are those of the interface: strict in what moves money, indifferent to all else.
"""

import json
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any
from urllib.parse import unquote_to_bytes

from pricing import NotUnderstood, PriceTable, PriceUnknown, Unpriced, load_tables, quote, sold
from pricing.errors import TableError
from pricing.load import BUNDLED
from pricing.parse import load_table
from pricing.resolution import ANY, Open
from proxy.answers import (
    TRUNCATED,
    UNREADABLE,
    poll_outcome,
    read_document,
    submit_outcome,
    swap_poll_urls,
)
from proxy.edge.target import objection
from proxy.order import WATCHED, read_order
from proxy.outline import Outline
from proxy.routes import Route, route
from tests.hardening.fuzz.corpus import NAMES

PATHS = (
    ("path", ("google", "gemini-3.1-flash-image-preview", "text-to-image")),
    ("path", ("kling", "kling-image-o1", "text-to-image")),
    ("path", ("vidu", "viduq2", "image-to-image")),
    ("unified", ("images",)),
    ("unified", ("images", "edit")),
)
STATUSES = (200, 202, 400, 401, 402, 404, 409, 422, 429, 500, 502, 503, 307, 418)
BASE = "https://farebox.test/base"


@cache
def table() -> PriceTable:
    return load_tables(BUNDLED).versions[-1]


def order(data: bytes) -> None:
    """A body is one order or none, and what it says is what every reader of JSON would read."""
    surface, segments = PATHS[data[0] % len(PATHS)] if data else PATHS[0]
    body = data[1:]
    try:
        read = read_order(surface, segments, body)  # type: ignore[arg-type]
    except NotUnderstood:
        return
    document = json.loads(body)
    assert isinstance(document, dict)
    for name in WATCHED & {"model", "size", "resolution", "n", "quality", "num_images"}:
        assert repr(getattr(read, name)) == repr(_pairs(document.get(name))), name
    try:
        priced = quote(read, table())
    except (NotUnderstood, PriceUnknown, Unpriced):
        return
    assert 0 <= priced.price_micros == priced.unit_micros * priced.images
    assert 1 <= priced.images <= 10
    assert sold(priced, 0)[1] == priced.price_micros
    assert sold(priced, 3)[1] >= priced.unit_micros


def _pairs(value: Any) -> Any:
    """An object as the order reader keeps it."""
    if isinstance(value, dict):
        return tuple((name, _pairs(each)) for name, each in value.items())
    return [_pairs(each) for each in value] if isinstance(value, list) else value


def size(data: bytes) -> None:
    """Any text is a resolution of the model, no size at all, or the dearest."""
    text = data.decode("utf-8", "replace")
    for model in table().models.values():
        reading = model.scale.read(text)
        if isinstance(reading, str) and not model.scale.flat:
            assert reading in {rate.resolution for rate in model.card.rates}
            assert text.isascii() or reading == ANY
        else:
            assert isinstance(reading, str | Open)


def price_table(data: bytes) -> None:
    """A text is a table, or a `TableError` that says where."""
    try:
        made = load_table(data.decode("utf-8", "replace"), name="fuzzed")
    except TableError:
        return
    assert made.version
    assert made.effective_from.tzinfo is not None
    for model in made.models.values():
        for rate in model.card.rates:
            assert 0 <= rate.usd_micros <= 10**12
            assert rate.usd_micros > 0 or rate.status == "free"


def path(data: bytes) -> None:
    """A target that passes is a path of ours with no way out, and routed without a surprise."""
    if objection(data) is not None:
        return
    raw = data.partition(b"?")[0]
    assert raw.startswith(b"/")
    assert b"\\" not in data
    assert not set(data) - set(range(0x21, 0x7F))
    decoded = unquote_to_bytes(raw)
    assert not {b".", b".."} & set(decoded.replace(b"\\", b"/").split(b"/"))
    assert b"\0" not in decoded
    for method in ("GET", "POST", "DELETE"):
        routed = route(method, raw)
        below = raw == b"/api/v3" or raw.startswith(b"/api/v3/")
        assert (routed.route is Route.FOREIGN) != below, (method, routed)
        if routed.route is Route.POLL:
            assert method == "GET"
            assert routed.prediction_id


def outcome(data: bytes) -> None:
    """An answer decides at most what it says; cut anywhere it is read the same or not at all."""
    status, cut = (STATUSES[data[0] % len(STATUSES)], data[1]) if len(data) > 1 else (200, 0)
    body = data[2:]
    document = read_document(body)
    submitted = submit_outcome(status, document)
    if submitted.kind in {"accepted", "completed"}:
        assert status in {200, 202}
        assert document is not UNREADABLE
    if submitted.kind == "refused":
        assert submitted.prediction_id is None
    if submitted.prediction_id is not None:
        assert submitted.prediction_id.isprintable()
    polled = poll_outcome(status, document, asked="p")
    assert polled.kind in {"completed", "failed", "running"}
    assert status == 200 or polled.kind == "running"
    assert submit_outcome(status, TRUNCATED).kind == "unclear"
    _outlined(body, cut + 1, document)
    _swapped(body, document)


def _outlined(body: bytes, step: int, document: object) -> None:
    outline = Outline()
    for at in range(0, len(body), step):
        outline.feed(body[at : at + step])
    seen = outline.document()
    if len(body) < 256 and document is not UNREADABLE:
        assert repr(seen) == repr(document)


def _swapped(body: bytes, document: object) -> None:
    swapped = swap_poll_urls(body, BASE)
    if swapped is body or document is UNREADABLE:
        return
    again = read_document(swapped)
    assert _shape(again) == _shape(document)
    assert BASE.encode() in swapped


def _shape(value: object) -> object:
    """A document without its texts, which are all that may change."""
    if isinstance(value, dict):
        return {name: _shape(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_shape(each) for each in value]
    return "text" if isinstance(value, str) else repr(value)


TARGETS: Mapping[str, Callable[[bytes], None]] = dict(
    zip(NAMES, (order, size, price_table, path, outcome), strict=True)
)
