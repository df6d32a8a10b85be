"""What is said of a price version that starts in the past."""

from pricing import usd
from proxy.cli.output import say
from proxy.instants import epoch_us, local
from proxy.ledger import versions
from proxy.ledger.session import Session
from proxy.reports.back_dated import back_dated
from proxy.reports.spend import installed_zone


def say_back_dated(session: Session, version: str) -> None:
    """Say what calls since its start would have cost by it; they keep the price that they had."""
    book = versions.book(session)
    table = book.version(version)
    found = back_dated(session, table, book)
    if not (found.calls or found.unknown_calls):
        return
    starts = table.effective_from.isoformat()
    more = f"{usd(abs(found.more_micros))} USD {'less' if found.more_micros < 0 else 'more'}"
    say(f"{found.calls} settled charges since {starts} would have cost {more} by {version}")
    if found.unknown_calls:
        say(f"for {found.unknown_calls} more it has no price")
    day = local(epoch_us(table.effective_from), installed_zone(session)).date()
    say(
        "they keep the price that they were admitted at:"
        f" farebox whatif --table {version} --from {day} shows them"
    )
