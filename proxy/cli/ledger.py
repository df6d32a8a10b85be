"""The ledger in the hands of a command: opened, changed on the record, closed."""

import getpass
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final, TypeVar

import typer
from pydantic import BaseModel, ValidationError

from proxy.admin.changes import Impossible, Revoked
from proxy.admin.endpoint import bad
from proxy.cli.arguments import settings_of
from proxy.cli.output import WRONG_USAGE, CommandError, is_there
from proxy.ledger.registry import Missing, Stale, Taken
from proxy.ledger.schema import migrate, open_session, sqlite_path
from proxy.ledger.session import LedgerFault
from proxy.ledger.store import Store
from proxy.settings import Settings

AskedT = TypeVar("AskedT", bound=BaseModel)
_REFUSED: Final = (Missing, Taken, Stale, Revoked, Impossible)


@contextmanager
def opened(context: typer.Context, *, make: bool = False) -> Iterator[Store]:
    """Open the ledger of these settings; only with `make` one that is not there yet.

    Raises:
        CommandError: it cannot be opened, or what was asked of it is refused.
    """
    settings = settings_of(context)
    try:
        store = _store(settings, make=make)
        try:
            yield store
        finally:
            store.session.close()
    except LedgerFault as fault:
        raise CommandError(f"the ledger: {fault}") from fault
    except _REFUSED as refused:
        raise CommandError(str(refused), code=WRONG_USAGE) from refused


def _store(settings: Settings, *, make: bool) -> Store:
    url = settings.database_url
    path = sqlite_path(url)
    if path is not None and not make and not is_there(path):
        raise CommandError(
            f"no ledger at {path}: say where it is with FAREBOX_DATABASE_URL, or make one with"
            " farebox serve or farebox keys create",
            code=WRONG_USAGE,
        )
    migrate(url)
    session = open_session(url)
    # The zone is the ledger's own: a shell without FAREBOX_TIMEZONE must not change it.
    store = Store(session, default_daily_micros=settings.default_daily_budget_micros)
    store.transact(lambda opened: opened.directory)
    return store


def actor() -> str:
    """Name who is at the terminal, for the audit."""
    try:
        return f"cli:{getpass.getuser()}"
    except (KeyError, OSError):  # a container without a user of that number
        return "cli"


def asked(model: type[AskedT], said: Mapping[str, Any], **words: str) -> AskedT:
    """Read what was said by the rules of the API; `words` are members that no option is named for.

    Raises:
        CommandError: it breaks one; names the option or argument.
    """
    try:
        return model.model_validate(dict(said))
    except ValidationError as error:
        refusal = bad(error)
        message = _as_option(refusal.message, said, words)
        raise CommandError(message, code=WRONG_USAGE) from error


def _as_option(message: str, said: Mapping[str, Any], words: Mapping[str, str]) -> str:
    for member in said:
        option = member.removesuffix("_usd").removesuffix("_at").replace("_", "-")
        message = message.replace(f"'{member}", f"'{words.get(member, f'--{option}')}")
    return message.rstrip(".")
