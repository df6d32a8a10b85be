"""Published prices, in the shapes that the provider publishes them. Pure.

Read are its public dataset (`pricing.csv`, `pricing.json`), its live feed, and a plain CSV with
a line a price. Only prices of a run are taken: by the second and by the token are other units.
A price of a run that cannot be read is a fault of the whole source: to leave it out in silence
would sell at what was before.
"""

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from pricing import parse_usd
from pricing.resolution import ANY

PER_RUN = "per_run"
_FEED_PER_CALL = "-1"
_LABEL = re.compile(r"(?i)\s+(size|resolution)$")


class UnknownShape(ValueError):
    """A source that is none of the shapes known."""


class UnreadablePrice(ValueError):
    """A price of a run that is no number, or that does not fit; `line` is None in JSON."""

    def __init__(self, model: str, why: str, line: int | None = None) -> None:
        super().__init__(f"{model}: {why}")
        self.model, self.why, self.line = model, why, line


@dataclass(frozen=True, slots=True)
class Published:
    """One price as published; micro-USD. A starting price says nothing of other resolutions."""

    model: str
    resolution: str
    usd_micros: int
    list_micros: int | None
    kind: str = "image"
    starting: bool = False


@dataclass(frozen=True, slots=True)
class Skipped:
    """One price that was not taken, and why."""

    model: str
    label: str
    why: str


def read(text: str) -> list[Published | Skipped]:
    """Read a source, whichever shape it has.

    Raises:
        UnknownShape: it has none of them.
        UnreadablePrice: a price in it cannot be read.
    """
    if text.lstrip()[:1] in ("{", "["):
        return list(_json(text))
    lines = csv.DictReader(io.StringIO(text))
    names = set(lines.fieldnames or ())
    try:
        if "media_rates" in names:
            return list(_dataset(_of_csv(line) for line in lines))
        if "model" in names and names & {"price_usd", "usd"}:
            return list(_plain(lines))
    except UnreadablePrice as error:
        raise UnreadablePrice(error.model, error.why, lines.line_num) from error
    raise UnknownShape("neither the provider's dataset or feed, nor a CSV with model and price_usd")


def _json(text: str) -> Iterator[Published | Skipped]:
    try:
        document = json.loads(text, parse_float=str)
    except (ValueError, RecursionError) as error:
        raise UnknownShape(f"not JSON: {error}") from error
    if isinstance(document, dict) and isinstance(document.get("models"), list):
        return _dataset(document["models"])
    items = document.get("data", {}) if isinstance(document, dict) else {}
    if isinstance(items, dict) and isinstance(items.get("items"), list):
        return _feed(items["items"])
    raise UnknownShape("JSON with neither models nor data.items")


def _of_csv(line: Mapping[str, str]) -> dict[str, Any]:
    try:
        rates = json.loads(line["media_rates"] or "[]", parse_float=str)
    except ValueError as error:
        raise UnknownShape(f"media_rates is not JSON: {error}") from error
    name = line.get("id") or line.get("model") or line.get("model_id") or ""
    return {**line, "id": name, "media_rates": rates}


def _dataset(models: Iterable[Any]) -> Iterator[Published | Skipped]:
    for model in models:
        if not isinstance(model, dict) or not model.get("id"):
            raise UnknownShape("a model of the dataset has no id")
        for rate in model.get("media_rates") or ():
            yield _rate(str(model["id"]), rate, _kind(model.get("modalities")))


def _plain(lines: Iterable[Mapping[str, str]]) -> Iterator[Published | Skipped]:
    for line in lines:
        rate = {
            "label": line.get("label") or line.get("resolution") or "PRICE",
            "unit": line.get("unit") or PER_RUN,
            "price_usd": line.get("price_usd") or line.get("usd"),
            "official_price_usd": line.get("official_price_usd") or line.get("list_usd"),
        }
        yield _rate(line["model"] or "", rate, line.get("kind") or "image")


def _rate(model: str, rate: Mapping[str, Any], kind: str) -> Published | Skipped:
    label = str(rate.get("label") or "PRICE")
    if rate.get("unit") != PER_RUN:
        return Skipped(model, label, f"is priced {rate.get('unit')}")
    try:
        price, listed = _micros(rate.get("price_usd")), _micros(rate.get("official_price_usd"))
    except ValueError as error:
        raise UnreadablePrice(model, str(error)) from error
    if not price:
        return Skipped(model, label, "has no price")
    return Published(model, resolution(label), price, listed or None, kind)


def _feed(items: Iterable[Mapping[str, Any]]) -> Iterator[Published | Skipped]:
    """Read the live feed: one starting price a model, whichever of its fields holds it."""
    for item in items:
        model, _, task = str(item.get("modelName") or "").partition("/")
        if str(item.get("priceType")) != _FEED_PER_CALL:
            yield Skipped(model, task, f"is priced by {item.get('priceTypeStr')}")
            continue
        fields = ("platformLockPrice", "platformOutPrice", "platformInputPrice")
        try:
            prices = {_micros(item.get(name)) for name in fields} - {None, 0}
        except ValueError as error:
            raise UnreadablePrice(model, str(error)) from error
        if len(prices) == 1:
            yield Published(model, ANY, prices.pop() or 0, None, _kind(task), starting=True)
        else:
            yield Skipped(model, task, f"says {len(prices)} prices")


def resolution(label: str) -> str:
    """Read a published label: `PRICE`, `1K Size`, `1080p Resolution`, `720*1280 Size`."""
    bare = _LABEL.sub("", label.strip()).replace("*", "x")
    return ANY if bare.upper() in ("PRICE", "ANY", "") else bare


def _micros(value: object) -> int | None:
    if value in (None, ""):
        return None
    try:
        plain = f"{Decimal(str(value)).normalize():f}"
    except InvalidOperation as error:
        raise ValueError(f"{value!r} is no price") from error
    try:
        return parse_usd(plain)
    except ValueError as error:
        raise ValueError(f"{value!r} is {error}") from error


def _kind(modalities: object) -> str:
    words = json.dumps(modalities)
    return next((kind for kind in ("video", "audio") if kind in words), "image")
