"""`farebox verify`, `backup` and `restore`: are the figures right, and is there a copy of them."""

import sqlite3
import sys
from pathlib import Path
from typing import Annotated, Final

import typer

from pricing import usd
from proxy.cli.arguments import Json, settings_of
from proxy.cli.ledger import actor, opened
from proxy.cli.output import (
    FINDING,
    WRONG_USAGE,
    CommandError,
    is_there,
    say,
    show_facts,
    show_table,
)
from proxy.instants import instant
from proxy.ledger import backup as copies
from proxy.ledger.schema import sqlite_path
from proxy.ledger.session import LedgerFault
from proxy.ledger.verify import sealed
from proxy.ledger.verify import verify as differences

COLUMNS: Final = ("where", "what", "derived", "found")


def verify(context: typer.Context, as_json: Json = False) -> None:
    """Derive every balance, report and seal from the entries; exit 1 on any difference."""
    with opened(context) as store:
        found = [d for d in differences(store.session) if d.derived != d.found]
        count, until_us = sealed(store.session)
    if found or as_json:
        rows = [(d.where, d.what, d.derived, d.found) for d in found]
        show_table(COLUMNS, rows, as_json=as_json)
    else:
        say("every balance agrees with the entries")
        reach = f", the last up to {instant(until_us).isoformat()}" if count else ""
        say(f"{count} seals checked{reach}; what is newer is not sealed yet")
    raise typer.Exit(FINDING if found else 0)


def backup(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="Where the copy goes.", dir_okay=False)],
) -> None:
    """Copy a SQLite ledger that may be in use; the copy appears whole or not at all."""
    database = _database(context)
    if not is_there(database):
        raise CommandError(f"there is no ledger at {database}", code=WRONG_USAGE)
    if file.exists() and file.samefile(database):
        raise CommandError(f"{file} is the ledger itself", code=WRONG_USAGE)
    _in_a_folder(file)
    try:
        copies.backup(database, file, progress=_progress)
    except (OSError, sqlite3.Error) as error:
        raise CommandError(f"{file}: {_why(error)}") from error
    say(f"{database} is copied to {file}")


def restore(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="A copy.", exists=True, dir_okay=False)],
    why: Annotated[str, typer.Option(help="Goes on the record.")] = "",
    as_json: Json = False,
) -> None:
    """Put a copy in the place of a ledger that is gone; every hold becomes uncertain."""
    database = _database(context)
    _in_a_folder(database)
    try:
        done = copies.restore(file, database, actor=actor(), why=why)
    except copies.NotRestored as error:
        raise CommandError(str(error), code=WRONG_USAGE) from error
    except (OSError, sqlite3.Error, LedgerFault) as error:
        raise CommandError(f"{database}: {_why(error)}") from error
    facts = {
        "ledger": str(database),
        "reopened": done.reopened,
        "reopened_usd": usd(done.reopened_micros),
        "newest_charge_at": done.newest_at,
    }
    show_facts(facts, as_json=as_json)
    say("What was bought after the newest charge is not in it: reconcile with a statement.")


def _database(context: typer.Context) -> Path:
    path = sqlite_path(settings_of(context).database_url)
    if path is None:
        raise CommandError(
            "this copies SQLite ledgers; use pg_dump and pg_restore for PostgreSQL",
            code=WRONG_USAGE,
        )
    return path


def _in_a_folder(file: Path) -> None:
    if not file.parent.is_dir():
        raise CommandError(f"{file}: there is no folder {file.parent}", code=WRONG_USAGE)


def _why(error: Exception) -> str:
    """Say why a copy failed without the name of its draft, which nobody has asked for."""
    return str(getattr(error, "strerror", None) or error)


def _progress(left: int, whole: int) -> None:
    if sys.stderr.isatty():
        done = 100 if not whole else (whole - left) * 100 // whole
        end = "\n" if not left else ""
        sys.stderr.write(f"\rcopied {done} %{end}")
