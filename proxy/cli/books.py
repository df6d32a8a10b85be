"""How a command opens the ledger: to read one state of it, or to add to it."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date

import typer

from proxy.cli.output import WRONG_USAGE, CommandError
from proxy.ledger.schema import migrate, open_session, sqlite_path
from proxy.ledger.session import LedgerFault, Session
from proxy.ledger.store import Store
from proxy.settings import Settings
from proxy.settings.values import zone


@contextmanager
def reading(settings: Settings) -> Iterator[Session]:
    """Hold one state of the ledger, however long the reading takes."""
    _known(settings)
    try:
        session = open_session(settings.database_url, read_only=True)
        try:
            with session.snapshot():
                yield session
        finally:
            session.close()
    except LedgerFault as fault:
        raise CommandError(f"the ledger cannot be read: {fault}") from fault


@contextmanager
def writing(settings: Settings) -> Iterator[Store]:
    """Open the ledger to add to it; others may be serving from it."""
    _known(settings)
    try:
        migrate(settings.database_url)
        store = Store(
            open_session(settings.database_url),
            timezone=settings.timezone,
            default_daily_micros=settings.default_daily_budget_micros,
        )
        try:
            store.open()
            yield store
        finally:
            store.session.close()
    except LedgerFault as fault:
        raise CommandError(f"the ledger cannot be written: {fault}") from fault


def _known(settings: Settings) -> None:
    path = sqlite_path(settings.database_url)
    if path is not None and not path.is_file():
        raise CommandError(f"there is no ledger at {path}; `farebox serve` makes one")


def day(text: str | None) -> date | None:
    """Read `2026-11-23`."""
    try:
        return None if text is None else date.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter(f"'{text}' is no day such as 2026-11-23") from error


def zone_name(text: str | None, settings: Settings) -> str:
    """Read an IANA zone; the installation's own if none is named."""
    try:
        return zone(text) if text else settings.timezone
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error


def wrong(error: Exception | str) -> CommandError:
    """Say that the command was used wrongly."""
    return CommandError(str(error), code=WRONG_USAGE)
