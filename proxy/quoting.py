"""From a submit to a quote that the key may buy, and from a spent budget to its refusal."""

from dataclasses import dataclass
from functools import lru_cache

from pricing import NotUnderstood, Quote, affordable, usd
from proxy.budget import KEY, Standing, tightest
from proxy.call import Call
from proxy.directory import Key
from proxy.errors import BudgetExceeded, ModelNotAllowed, RequestNotUnderstood
from proxy.instants import local
from proxy.ledger.fare import UNPRICED, Fare
from proxy.ledger.operation import Receipt
from proxy.ledger.refusals import BudgetSpent
from proxy.order import read_order
from proxy.prices import Priced, Prices
from proxy.routes import Route, Surface


@dataclass(frozen=True, slots=True)
class Quoting:
    """Prices orders for keys."""

    prices: Prices
    show_shared: bool

    def price(
        self, surface: Surface, segments: tuple[str, ...], body: bytes, key: Key, at_us: int
    ) -> Priced:
        """Quote what a submit asks for, if the key may buy it.

        Raises:
            RequestNotUnderstood, UnknownPrice: as `priced` does.
            ModelNotAllowed: the key may not buy it, or not at this price.
        """
        priced = self.priced(surface, segments, body, at_us)
        may_buy(key, priced.quote)
        return priced

    def priced(
        self, surface: Surface, segments: tuple[str, ...], body: bytes, at_us: int
    ) -> Priced:
        """Quote what a submit asks for, whoever asks.

        Raises:
            RequestNotUnderstood: its price could be read in two ways.
            UnknownPrice: it has none.
        """
        try:
            order = read_order(surface, segments, body)
            quote = self.prices.quote(order, at_us)
        except NotUnderstood as error:
            raise RequestNotUnderstood(member=error.member, why=error.why) from None
        return Priced(self.prices, order, quote)

    def begin(self, call: Call, receipt: Receipt) -> None:
        """Put a charge's state into the call's log line, and what is left into its headers."""
        fare = receipt.fare
        call.charge_id, call.state = fare.id, fare.state
        if fare.price_status != UNPRICED:  # else it is not known, which is not 0
            call.cost_micros = fare.cost_micros
        call.model, call.resolution = fare.model, fare.resolution
        if receipt.standings and call.routed.route is Route.SUBMIT:
            call.budget = self.budget_headers(tightest(receipt.standings))

    def note(self, call: Call, receipt: Receipt) -> None:
        """Put a charge's state into the answer's headers and the call's log line."""
        self.begin(call, receipt)
        call.ours = fare_headers(receipt.fare) + call.budget

    def refusal(self, spent: BudgetSpent, priced: Priced, key: Key, at_us: int) -> BudgetExceeded:
        """Say which budget is spent, and what would still fit under every one that binds."""
        refused = spent.refused
        left = [s.remaining_micros for s in spent.standings if s.budget.enforced]
        remaining = min((r for r in left if r is not None), default=0)
        ceiling = key.max_price_micros
        return BudgetExceeded(
            scope=refused.budget.scope,
            name=refused.budget.name,
            window=refused.budget.window,
            limit_micros=refused.limit_micros or 0,
            spent_micros=refused.settled_micros,
            reserved_micros=refused.reserved_micros,
            price_micros=spent.price_micros,
            remaining_micros=refused.remaining_micros or 0,
            resets_at=local(refused.resets_us, refused.timezone),
            affordable=affordable(
                priced.order,
                priced.quote,
                self.prices.at(at_us),
                remaining_micros=remaining if ceiling is None else min(remaining, ceiling),
                allowed=key.allows,
            ),
            show_shared=self.show_shared,
        )

    def budget_headers(self, standing: Standing | None) -> list[tuple[bytes, bytes]]:
        """Say how the tightest budget stands; a shared one tells only what remains."""
        if standing is None or standing.limit_micros is None:
            return []
        found = [
            (b"x-farebox-budget-remaining-usd", usd(standing.remaining_micros or 0).encode()),
            (b"x-farebox-budget-resets-at", _said(standing.resets_us, standing.timezone)),
        ]
        if standing.budget.scope == KEY or self.show_shared:
            limit = usd(standing.limit_micros).encode()
            found.insert(0, (b"x-farebox-budget-limit-usd", limit))
        return found


@lru_cache(maxsize=1024)
def _said(at_us: int, zone: str) -> bytes:
    return local(at_us, zone).isoformat().encode()


def fare_headers(fare: Fare) -> list[tuple[bytes, bytes]]:
    """Say how a fare stands; one without a price has no cost to tell."""
    found = [
        (b"x-farebox-charge-id", fare.id.encode()),
        (b"x-farebox-charge-state", fare.state.encode()),
    ]
    if fare.price_status != UNPRICED:
        found.append((b"x-farebox-cost-usd", usd(fare.cost_micros).encode()))
        found.append((b"x-farebox-price-version", fare.price_version.encode()))
    return found


def may_buy(key: Key, quote: Quote | None) -> None:
    """Raise `ModelNotAllowed` for what a key may not buy, or not at this price."""
    if quote is None:
        _may_buy_unpriced(key)
        return
    if key.models and not key.allows(quote.model, quote.resolution):
        raise ModelNotAllowed(
            f"Key '{key.name}' may not use {quote.model} at {quote.resolution}.",
            {"model": quote.model, "resolution": quote.resolution},
        )
    if key.max_price_micros is not None and quote.price_micros > key.max_price_micros:
        raise ModelNotAllowed(
            f"Key '{key.name}' may pay at most {usd(key.max_price_micros)} USD a call; this one"
            f" costs {usd(quote.price_micros)}.",
            {"price_usd": usd(quote.price_micros), "max_price_usd": usd(key.max_price_micros)},
        )


def _may_buy_unpriced(key: Key) -> None:
    """Refuse what has no price to a key that is bound to models or to a price."""
    if key.models:
        raise ModelNotAllowed("The key may use only the models on its list.")
    if key.max_price_micros is not None:
        most = usd(key.max_price_micros)
        raise ModelNotAllowed(
            f"Key '{key.name}' may pay at most {most} USD a call; what this one costs is not"
            " known.",
            {"price_usd": None, "max_price_usd": most},
        )
