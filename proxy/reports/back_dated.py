"""What a price version that starts in the past would have changed: nothing is corrected for it."""

from dataclasses import dataclass

from pricing import PriceBook, PriceTable
from proxy.instants import epoch_us
from proxy.ledger.session import Session
from proxy.reports.whatif import at_version, made_between


@dataclass(frozen=True, slots=True)
class BackDated:
    """Settled calls since a version started that were priced by another; money in micro-USD."""

    calls: int  # that would have cost something else
    more_micros: int  # below 0 they would have cost less
    unknown_calls: int  # that it has no price for


def back_dated(session: Session, table: PriceTable, book: PriceBook) -> BackDated:
    """Price the calls that a version would have priced, had it been stored in time."""
    starts = epoch_us(table.effective_from)
    later = (epoch_us(each.effective_from) for each in book.versions)
    ends = min((at for at in later if at > starts), default=None)
    now = session.now_us()
    found = list(
        at_version(made_between(session, starts, now if ends is None else ends), table, book)
    )
    moved = [each for each in found if each.micros is not None and each.saved_micros]
    return BackDated(
        sum(each.made.calls for each in moved),
        -sum(each.saved_micros for each in moved),
        sum(each.made.calls for each in found if each.micros is None),
    )
