"""Tables and orders for the tests of prices."""

from typing import Any

from pricing import (
    BUNDLED,
    NoPrice,
    NotUnderstood,
    Order,
    PriceTable,
    Quote,
    load_table,
    load_tables,
    quote,
)

BOOK = load_tables(BUNDLED)
TABLE = BOOK.version("2026-09-25")
ARTICLE = BOOK.version("2026-04-28")
FLASH = "gemini-3.1-flash-image-preview"
PRO = "gemini-3-pro-image-preview"

HEAD = """version = "t"
effective_from = 2026-01-01T00:00:00Z
"""


def table_of(models: str, *, head: str = HEAD) -> PriceTable:
    """Read a table that a test spells out."""
    return load_table(head + models, name="t.toml")


def on_path(model: str, task: str = "text-to-image", /, **asked: Any) -> Order:
    """Ask for a model on the path surface."""
    return Order("path", ("vendor", *model.split("/"), *([task] if task else [])), **asked)


def in_body(model: object, *segments: str, **asked: Any) -> Order:
    """Ask for a model on the unified surface."""
    return Order("unified", segments or ("images",), model=model, **asked)


def priced(model: str, task: str = "text-to-image", /, **asked: Any) -> Quote:
    """Price a call of the path surface at the full bundled table."""
    return quote(on_path(model, task, **asked), TABLE)


def outcome_at(order: Order, table: PriceTable) -> object:
    """Say what an order comes to: its quote, or why it has none."""
    try:
        return quote(order, table)
    except (NoPrice, NotUnderstood) as error:
        return type(error), str(error)
