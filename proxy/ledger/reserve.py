"""Taking a fare: everything that can refuse an order, then what cannot fail. Pure."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from pricing import Quote
from proxy.budget import INSTALLATION, KEY, refusing
from proxy.directory import REVOKED, Key
from proxy.ledger.fare import KEPT_US, UNPRICED, Fare, Kept
from proxy.ledger.operation import Operation, Receipt
from proxy.ledger.refusals import BudgetSpent, KeyGone, KeyHeld, Repeated
from proxy.ledger.view import View, days_of, fits_all, frames, limited, standings


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
        """Check in turn everything that can refuse; then write what cannot fail."""
        key = self.payer(view)
        if key.state == REVOKED:
            raise KeyGone
        self._first_time(view)
        if (held := view.directory.paused(key)) is not None:
            raise KeyHeld(held)
        quote = self.price(view.now_us)
        price = quote.price_micros if quote else 0
        key_day, day = days_of(view, key)
        framed = frames(view, key, key_day, day)
        binding = limited(framed)
        tight = not fits_all(view, binding, price)
        if tight:
            before = standings(view, framed)
            if (spent := refusing(before, price)) is not None:
                raise BudgetSpent(spent, before, price)
        fare = self._fare(view, key, quote, key_day, day)
        view.begin(fare)
        if self.once is not None:
            begun = replace(self.once, charge_id=fare.id, created_us=view.now_us)
            view.keeping.append(begun)
            view.kept[begun.caller, begun.idempotency_key] = begun
        return Receipt(fare, standings(view, binding), shadowed=tight)  # else it was refused

    def _first_time(self, view: View) -> None:
        if (place := self.idempotency()) is None:
            return
        kept = view.kept.get(place)
        if kept is not None and view.now_us - kept.created_us < KEPT_US:
            raise Repeated(kept)

    def _fare(self, view: View, key: Key, quote: Quote | None, key_day: str, day: str) -> Fare:
        return Fare(
            id=self.charge_id,
            key_id=key.id,
            key_name=key.name,
            team=key.team,
            account=self.account,
            surface=self.surface,
            model=quote.model if quote else "other",
            called=_printable(quote.called if quote else self.called, 200),
            resolution=quote.resolution if quote else "other",
            task=_printable(quote.task if quote else self.task, 64),
            images=quote.images if quote else 0,
            unit_micros=quote.unit_micros if quote else 0,
            list_unit_micros=quote.list_unit_micros if quote else None,
            price_version=quote.version if quote else "",
            price_status=quote.status if quote else UNPRICED,
            price_assumed=int(quote.assumed) if quote else 0,
            images_mode=quote.images_mode if quote else "run",
            reserved_micros=quote.price_micros if quote else 0,
            key_day=key_day,
            day=day,
            admitted_us=view.now_us,
            due_us=view.now_us + self.due_in_us,
            owner=self.owner,
            tags=self.tags,
            body_hash=self.body_hash,
            provisional=int(self.provisional),
            shadow=int(key.shadow),
            refs=self.refs,
            aspect=self.aspect,
        )


def _printable(text: str, chars: int) -> str:
    """Cut a caller's word to what every database and every terminal can take."""
    text = text[:chars]
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)
