"""What a submit would cost and whether it would be admitted, without doing it."""

from dataclasses import dataclass

from pricing import usd
from proxy.budget import refusing, tightest
from proxy.clock import now_us
from proxy.directory import Key, named
from proxy.door import Caller, Purse
from proxy.errors import (
    KeyPaused,
    LedgerUnavailable,
    Refusal,
    UpstreamKeyMissing,
    error_object,
)
from proxy.fares import Fares
from proxy.ledger.reader import where_stands
from proxy.ledger.refusals import BudgetSpent
from proxy.ledger.session import LedgerFault
from proxy.prices import Priced
from proxy.quoting import Quoting, may_buy
from proxy.routes import Routed

Header = tuple[bytes, bytes]


@dataclass(frozen=True, slots=True)
class Assay:
    """Answers `POST /quote` and `x-farebox-dry-run`; reserves and sends nothing."""

    quoting: Quoting
    fares: Fares
    purse: Purse

    async def __call__(
        self, caller: Caller, routed: Routed, body: bytes
    ) -> tuple[dict[str, object], list[Header]]:
        """Say price, admission and refusal, and the headers that a submit would get."""
        priced, refusal, headers = None, None, []
        try:
            priced = self.quoting.priced(routed.surface, routed.segments, body, now_us())
            may_buy(caller.key, priced.quote)
            if caller.own_secret is None and self.purse.pays(caller.key) is None:
                raise UpstreamKeyMissing
            headers = await self._admission(caller.key, priced)
        except _Refused as refused:
            refusal, headers = refused.refusal, refused.headers
        except Refusal as error:
            refusal = error
            if error.retry_after_s is None:  # else nothing more is to be asked of us now
                standings = await self.fares.standings(caller.key)
                headers = self.quoting.budget_headers(tightest(standings))
        return _content(priced, refusal), [*_headers(priced), *headers]

    async def _admission(self, key: Key, priced: Priced) -> list[Header]:
        directory = self.fares.writer.directory
        if (scope := directory.paused(key)) is not None:
            raise KeyPaused(scope=scope, name=named(scope, key))
        try:
            standings = await self.fares.reader.ask(where_stands(directory, key))
        except LedgerFault as fault:
            raise LedgerUnavailable from fault
        headers = self.quoting.budget_headers(tightest(standings))
        price = priced.quote.price_micros if priced.quote else 0
        if (refused := refusing(standings, price)) is not None:
            spent = BudgetSpent(refused, standings, price)
            raise _Refused(self.quoting.refusal(spent, priced, key, now_us()), headers)
        return headers


class _Refused(Exception):
    def __init__(self, refusal: Refusal, headers: list[Header]) -> None:
        super().__init__(refusal.message)
        self.refusal, self.headers = refusal, headers


def _content(priced: Priced | None, refusal: Refusal | None) -> dict[str, object]:
    quote = priced.quote if priced else None
    return {
        "price_usd": usd(quote.price_micros) if quote else None,
        "images": quote.images if quote else None,
        "model": quote.model if quote else None,
        "resolution": quote.resolution if quote else None,
        "price_version": quote.version if quote else None,
        "price_status": quote.status if quote else None,
        "admitted": refusal is None,
        "refusal": error_object(refusal) if refusal else None,
    }


def _headers(priced: Priced | None) -> list[Header]:
    if priced is None or priced.quote is None:
        return []
    return [
        (b"x-farebox-cost-usd", usd(priced.quote.price_micros).encode()),
        (b"x-farebox-price-version", priced.quote.version.encode()),
    ]
