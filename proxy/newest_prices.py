"""The prices that this worker quotes, kept to what the ledger holds."""

import asyncio
from dataclasses import dataclass, field

from proxy.ledger import versions
from proxy.ledger.fare import Fare
from proxy.ledger.reader import Reader
from proxy.ledger.writer import Writer
from proxy.prices import Prices


@dataclass
class NewestPrices:
    """Follows the price versions of the ledger.

    A version may be replaced until it has priced a charge, so their number tells nothing.
    """

    writer: Writer
    reader: Reader
    prices: Prices
    _one: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def catch_up(self) -> None:
        """Read the versions again if they are not those that the directory names.

        Raises:
            LedgerFault: they cannot be read.
        """
        async with self._one:  # who comes after the first finds it done
            held = self.writer.directory
            if held.prices != self.prices.sha256s:
                self.prices.replace(await self.reader.ask(versions.book))
            self.prices.counting |= held.counting

    def learn(self, fare: Fare) -> None:
        """Take up that a model of one image a call sold more, as the ledger did at this overrun.

        Who was just told of it may call again before the next look.
        """
        if fare.images_mode == "one":
            self.prices.counting |= {(fare.price_version, fare.model)}
