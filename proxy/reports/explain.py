"""Why a bill may differ from what was charged: another price version, another count. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass

from pricing import PriceBook, Rate, usd
from pricing.resolution import ANY


@dataclass(frozen=True, slots=True)
class Charged:
    """What the ledger says of one charge; money in micro-USD, `images` as reserved or sold."""

    model: str
    resolution: str
    task: str
    version: str
    unit_micros: int
    list_unit_micros: int | None
    images: int
    micros: int


def explain(charged: Charged, billed: int, lines: int, book: PriceBook) -> tuple[str | None, str]:
    """Name the price version that explains a billed amount, if one does; and say it in words."""
    version = next(_versions(charged, billed, book), None)
    if version is not None:
        return version, f"the price of version {version}, charged at {charged.version}"
    return None, _words(charged, billed, lines)


def _versions(charged: Charged, billed: int, book: PriceBook) -> Iterator[str]:
    """List the other versions at which the bill is right, the newest first."""
    for table in reversed(book.versions):
        model = table.models.get(charged.model)
        if table.version == charged.version or model is None:
            continue
        rates = [rate for rate in model.rates if _may_be(rate, charged)]
        if any(rate.usd_micros * max(charged.images, 1) == billed for rate in rates):
            yield table.version


def _may_be(rate: Rate, charged: Charged) -> bool:
    return rate.resolution in (ANY, charged.resolution) and rate.task in (None, charged.task)


def _words(charged: Charged, billed: int, lines: int) -> str:
    if lines > 1 and billed == lines * charged.micros:
        return f"billed {lines} times"
    if billed == 0:
        return "billed at nothing"
    if not charged.micros:
        return "billed, though it was given back"
    if charged.list_unit_micros and billed == charged.list_unit_micros * max(charged.images, 1):
        return f"the list price, {usd(charged.list_unit_micros)} each"
    if charged.unit_micros and billed % charged.unit_micros == 0:
        return f"{billed // charged.unit_micros} images, charged {charged.images}"
    return "no price version explains it"
