"""Taking a fare: everything that can refuse an order, then what cannot fail. Pure."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from pricing import Quote
from proxy.budget import INSTALLATION, KEY, refusing
from proxy.directory import REVOKED, Key
from proxy.ledger.fare import KEPT_US, UNPRICED, Fare, Kept
from proxy.ledger.operation import Operation, Receipt
from proxy.ledger.refusals import BudgetSpent, KeyGone, KeyHeld, PricesMoved, Repeated
from proxy.ledger.view import Footing, View, fits_all, footing, standings

# Of a fare, from `model` to `reserved_micros`.
Bought = tuple[str, str, str, str, int, int, int | None, str, str, int, str, int]


@dataclass(slots=True)
class Reserve(Operation):
    """Take the fare of an order from every budget of a key, or refuse it whole."""

    loads = False

    charge_id: str
    key: Key
    price: Callable[[int], Quote | None]  # at an instant (microseconds); None is unpriced
    account: str
    surface: str
    owner: str
    tags: str = "{}"
    body_hash: str = ""
    called: str = ""
    task: str = ""
    provisional: bool = False
    due_in_us: int = 0
    once: Kept | None = None
    refs: int = 0
    aspect: str = ""

    def idempotency(self) -> tuple[str, str] | None:
        """Ask for what is kept under the call's Idempotency-Key."""
        return None if self.once is None else (self.once.caller, self.once.idempotency_key)

    def payer(self, view: View) -> Key:
        """Name the key as the directory has it now."""
        return view.directory.keys.get(self.key.id, self.key)

    def scopes(self) -> Iterable[str]:
        """Ask for the days of the key and of the installation."""
        return (f"{KEY}:{self.key.id}", INSTALLATION)

    def apply(self, view: View) -> Receipt:
        """Check in turn everything that can refuse; then write what cannot fail.

        Raises:
            KeyGone, Repeated, KeyHeld, PricesMoved, BudgetSpent: in this order; nothing is held.
        """
        key = self.payer(view)
        if key.state == REVOKED:
            raise KeyGone
        self._first_time(view)
        on = footing(view, key)
        if on.held is not None:
            raise KeyHeld(on.held)
        quote = self.price(view.now_us)
        if quote is not None and _is_stale(quote, view):
            raise PricesMoved
        price = quote.price_micros if quote else 0
        tight = not fits_all(view, on.limited, price)
        if tight:
            before = standings(view, on.frames)
            if (spent := refusing(before, price)) is not None:
                raise BudgetSpent(spent, before, price)
        fare = self._fare(view.now_us, on, quote)
        view.begin(fare)
        if self.once is not None:
            begun = replace(self.once, charge_id=fare.id, created_us=view.now_us)
            view.keeping.append(begun)
            view.kept[begun.caller, begun.idempotency_key] = begun
        return Receipt(fare, standings(view, on.limited), shadowed=tight)  # else it was refused

    def _first_time(self, view: View) -> None:
        if (place := self.idempotency()) is None:
            return
        kept = view.kept.get(place)
        if kept is not None and view.now_us - kept.created_us < KEPT_US:
            raise Repeated(kept)

    def _fare(self, now_us: int, on: Footing, quote: Quote | None) -> Fare:
        key = on.key
        return Fare(  # in the order of its fields: to name them all took three times as long
            self.charge_id, key.id, key.name, key.team, self.account, self.surface,
            *(self._unpriced() if quote is None else _priced(quote)),
            on.key_day, on.day, now_us, now_us + self.due_in_us, self.owner, self.tags,
            self.body_hash, int(self.provisional), int(key.shadow), self.refs, self.aspect,
        )  # fmt: skip

    def _unpriced(self) -> Bought:
        called, task = _printable(self.called, 200), _printable(self.task, 64)
        return "other", called, "other", task, 0, 0, None, "", UNPRICED, 0, "run", 0


def _is_stale(quote: Quote, view: View) -> bool:
    """Say whether the ledger sells otherwise by now than under the version of a quote.

    It holds other prices, or the model has sold more than the one image that the quote counts.
    """
    held = view.directory
    if quote.images_mode == "one" and (quote.version, quote.model) in held.counting:
        return True
    return held.prices.get(quote.version, quote.sha256) != quote.sha256


def _priced(quote: Quote) -> Bought:
    return (
        quote.model, _printable(quote.called, 200), quote.resolution, _printable(quote.task, 64),
        quote.images, quote.unit_micros, quote.list_unit_micros, quote.version, quote.status,
        int(quote.assumed), quote.images_mode, quote.price_micros,
    )  # fmt: skip


def _printable(text: str, chars: int) -> str:
    """Cut a caller's word to what every database and every terminal can take."""
    text = text[:chars]
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)
