"""`farebox doctor`: settings, database, price tables, upstream and clock, in words."""

import os
from collections.abc import Iterator
from typing import Final

import typer

from pricing import BUNDLED, TableError, load_tables
from proxy.cli.arguments import Json, settings_of
from proxy.cli.ledger import opened
from proxy.cli.output import FINDING, CommandError, is_there, show_table
from proxy.clock import now_us
from proxy.doctor import books, host, setting, upstream
from proxy.doctor.finding import Finding, ok, on_one_line, problem
from proxy.door import Purse
from proxy.ledger.file_system import mounted
from proxy.ledger.schema import sqlite_path
from proxy.settings import Settings, SettingsError

COLUMNS: Final = ("check", "result", "words")


def doctor(context: typer.Context, as_json: Json = False) -> None:
    """Find what is wrong with this installation, in words; exit 1 if anything is."""
    try:
        found = list(_look(context, settings_of(context)))
    except SettingsError as error:
        found = [setting.explained(str(error))]
    worst_first = sorted(found, key=lambda finding: finding.level == "ok")
    rows = [(each.check, each.level, each.words) for each in worst_first]
    show_table(COLUMNS, rows, as_json=as_json)
    raise typer.Exit(FINDING if any(each.level != "ok" for each in found) else 0)


def _look(context: typer.Context, settings: Settings) -> Iterator[Finding]:
    yield from setting.look(settings, os.environ)
    yield from host.look(settings, mounted())
    yield from _books(context, settings)
    yield from upstream.look(settings)


def _books(context: typer.Context, settings: Settings) -> Iterator[Finding]:
    extra = [settings.price_tables] if settings.price_tables else []
    try:
        book = load_tables(BUNDLED, *extra)
    except TableError as error:
        yield problem("price table", str(error))
        return
    yield books.look_at_prices(book, now_us())
    path = sqlite_path(settings.database_url)
    try:
        if path is not None and not is_there(path):
            yield ok("ledger", f"{path} is made at the first start")
            return
        with opened(context) as store:
            yield from books.look(store, settings.timezone, book)
            purse = Purse(settings.upstream_key, os.environ, lambda: store.directory)
            yield from books.look_at_payers(store.directory, purse)
    except CommandError as error:
        yield problem("ledger", on_one_line(error))
