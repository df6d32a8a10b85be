"""The price book in force: what an order costs now, and at the instant it is admitted."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from pricing import (
    NotUnderstood,
    Order,
    PriceBook,
    PriceTable,
    PriceUnknown,
    Quote,
    Unpriced,
    quote,
    requested_n,
)
from proxy.errors import UnknownPrice
from proxy.instants import epoch_us, instant

FAR_US = 1 << 62


@dataclass
class Prices:
    """Holds the book; replaced whole when a version is added."""

    book: PriceBook
    relay_unpriced: bool
    counting: frozenset[tuple[str, str]] = frozenset()
    sha256s: Mapping[str, str] = field(init=False)
    """Each version of the book and the SHA-256 of its text."""

    def __post_init__(self) -> None:
        self.replace(self.book)

    def replace(self, book: PriceBook) -> None:
        """Price from another book from now on."""
        self.book = book
        self.sha256s = {table.version: table.sha256 for table in book.versions}
        self._table: PriceTable | None = None
        self._from_us, self._until_us = FAR_US, 0

    def at(self, at_us: int) -> PriceTable:
        """Find the table in force at an instant."""
        if self._table is None or not self._from_us <= at_us < self._until_us:
            self._table = self.book.at(instant(at_us))
            starts = sorted(epoch_us(t.effective_from) for t in self.book.versions)
            self._from_us = max(s for s in starts if s <= at_us)
            self._until_us = min((s for s in starts if s > at_us), default=FAR_US)
        return self._table

    def quote(self, order: Order, at_us: int) -> Quote | None:
        """Price an order; None where the operator lets unpriced calls pass, counted.

        Raises:
            UnknownPrice: there is no price, and that is a refusal.
        """
        table = self.at(at_us)
        try:
            found = quote(order, table)
        except Unpriced:
            return None
        except PriceUnknown as unknown:
            if self.relay_unpriced:
                return None
            raise UnknownPrice(
                what=unknown.model, nearest=unknown.nearest, why=unknown.why
            ) from None
        return found.counting_n(requested_n(order)) if self.undercounts(found) else found

    def undercounts(self, quote: Quote) -> bool:
        """Say whether a quote is for one image of a model that was seen to sell more."""
        return quote.images_mode == "one" and (quote.version, quote.model) in self.counting


@dataclass(slots=True)
class Priced:
    """An order and its quote; asked again under the lock, where a new version may be in force."""

    prices: Prices
    order: Order
    quote: Quote | None

    def __call__(self, at_us: int) -> Quote | None:
        """Quote at the instant of admission; a new version that cannot price it changes nothing."""
        table, known = self.prices.at(at_us), self.quote
        if known is None or (known.sha256 == table.sha256 and not self.prices.undercounts(known)):
            return known
        try:
            return self.prices.quote(self.order, at_us)
        except (UnknownPrice, NotUnderstood):
            return known
