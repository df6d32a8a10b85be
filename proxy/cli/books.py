"""How a report opens the ledger: one state of it, read however long that takes."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date

import typer

from proxy.cli.output import WRONG_USAGE, CommandError, is_there
from proxy.ledger.schema import open_session, sqlite_path
from proxy.ledger.session import LedgerFault, Session
from proxy.reports.spend import installed_zone
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


def _known(settings: Settings) -> None:
    path = sqlite_path(settings.database_url)
    if path is not None and not is_there(path):
        raise wrong(f"there is no ledger at {path}; `farebox serve` makes one")


def has_ledger(settings: Settings) -> bool:
    """Say whether there is a ledger to be read; a server's is taken to be there."""
    path = sqlite_path(settings.database_url)
    return path is None or is_there(path)


def day(text: str | None) -> date | None:
    """Read `2026-11-23`."""
    try:
        return None if text is None else date.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter(f"'{text}' is no day such as 2026-11-23") from error


def zone_name(text: str | None, session: Session) -> str:
    """Read an IANA zone; the ledger's own if none is named."""
    try:
        return zone(text) if text else installed_zone(session)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error


def wrong(error: Exception | str) -> CommandError:
    """Say that the command was used wrongly."""
    return CommandError(str(error), code=WRONG_USAGE)
