"""The price of one picture, as the bundled table has it."""

from pricing import Order, Quote, load_tables, quote
from pricing.load import BUNDLED

_TABLE = load_tables(BUNDLED).versions[-1]
_ORDER = Order("path", ("google", "gemini-3.1-flash-image-preview", "text-to-image"))


def flash(_at_us: int) -> Quote:
    """What Reserve asks: a picture of the flash model at 1K."""
    return quote(_ORDER, _TABLE)
