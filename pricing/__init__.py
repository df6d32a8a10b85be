"""What an image costs. Pure: standard library only, no clock; only `load` opens a file.

order        the priced parts of a submit, raw as asked
resolution   a label the table prices, `1K`; `any` where the price is flat
rate         one price of one model, and what it is bound to
price table  one dated version of all rates; a price book holds the versions
quote        the price of an order at one version
assumed      the order left its price open, so it is the dearest it could come to
run          one call sold at one price, whatever comes out of it
Micros       millionths of a dollar, the only money there is
"""

from pricing.afford import affordable
from pricing.errors import (
    NoPrice,
    NoTable,
    NotUnderstood,
    PriceUnknown,
    TableError,
    Unpriced,
)
from pricing.load import BUNDLED, load_tables, read_table
from pricing.money import Micros, parse_usd, usd
from pricing.order import Order, requested_n
from pricing.parse import load_table
from pricing.quote import Quote, quote
from pricing.rates import Rate
from pricing.review import Change, Finding, diff, lint
from pricing.sale import sold
from pricing.table import Model, PriceBook, PriceTable

__all__ = [
    "BUNDLED",
    "Change",
    "Finding",
    "Micros",
    "Model",
    "NoPrice",
    "NoTable",
    "NotUnderstood",
    "Order",
    "PriceBook",
    "PriceTable",
    "PriceUnknown",
    "Quote",
    "Rate",
    "TableError",
    "Unpriced",
    "affordable",
    "diff",
    "lint",
    "load_table",
    "load_tables",
    "parse_usd",
    "quote",
    "read_table",
    "requested_n",
    "sold",
    "usd",
]
