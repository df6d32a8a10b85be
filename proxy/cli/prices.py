"""`farebox prices`: what an image costs, and since when."""

from datetime import datetime
from pathlib import Path
from typing import Annotated, Final

import typer

from pricing import BUNDLED, NoTable, PriceBook, PriceTable, TableError, load_tables, usd
from pricing.load import read_table
from pricing.rates import Rate
from pricing.review import Change, Place, place_of
from pricing.review import diff as diff_tables
from pricing.review import lint as lint_file
from proxy.cli.arguments import Json, moment, settings_of
from proxy.cli.books import has_ledger, reading
from proxy.cli.output import FINDING, WRONG_USAGE, CommandError, say, show_table
from proxy.clock import now_us
from proxy.instants import instant
from proxy.ledger import versions

app = typer.Typer(help="What an image costs, and since when.")

VERSIONS: Final = ("version", "effective_from", "in_force", "complete", "models", "source")
PLACE: Final = ("model", "resolution", "task", "references", "quality")
RATES: Final = (*PLACE, "usd", "list_usd", "status", "note")
CHANGES: Final = ("change", *PLACE, "from_usd", "to_usd")
FINDINGS: Final = ("level", "file", "line", "member", "why")


@app.command("list")
def list_versions(context: typer.Context, as_json: Json = False) -> None:
    """List the versions of the price table, oldest first."""
    book = _book(context)
    current = _in_force(book, instant(now_us()))
    rows = (
        (t.version, t.effective_from, t is current, t.complete, len(t.models), t.source)
        for t in book.versions
    )
    show_table(VERSIONS, rows, as_json=as_json)


@app.command()
def show(
    context: typer.Context,
    at: Annotated[str | None, typer.Option(help="An instant or day; now if left out.")] = None,
    as_json: Json = False,
) -> None:
    """Show every price in force at an instant."""
    when = moment(at) if at else instant(now_us())
    table = _in_force(_book(context), when)
    if table is None:
        raise CommandError(f"no price table is in force at {when.isoformat()}")
    rows = (
        (*_cells(place_of(model, rate)), *_price(rate))
        for model in table.models.values()
        for rate in model.rates
    )
    show_table(RATES, rows, as_json=as_json)


@app.command()
def lint(
    file: Annotated[Path, typer.Argument(help="A table, TOML.", exists=True, dir_okay=False)],
    as_json: Json = False,
) -> None:
    """Check a price table before it is used; exit 1 if it would not load."""
    found = lint_file(file)
    rows = [(each.level, each.file, each.line, each.member, each.why) for each in found]
    if rows or as_json:
        show_table(FINDINGS, rows, as_json=as_json)
    else:
        say(f"{file}: nothing to find fault with")
    raise typer.Exit(FINDING if any(each.level == "error" for each in found) else 0)


@app.command()
def diff(
    context: typer.Context,
    old: Annotated[str, typer.Argument(help="A version, or a file.")],
    new: Annotated[str, typer.Argument(help="A version, or a file.")],
    as_json: Json = False,
) -> None:
    """Show what changes from one price table to another; exit 1 if anything does."""
    changes = diff_tables(_table(context, old), _table(context, new))
    show_table(CHANGES, map(change_cells, changes), as_json=as_json)
    raise typer.Exit(FINDING if changes else 0)


def change_cells(change: Change) -> tuple[str | None, ...]:
    """Print one change in the order of `CHANGES`."""
    before, after = (None if each is None else usd(each) for each in (change.before, change.after))
    return (change.word, *_cells(change.place), before, after)


def _cells(place: Place) -> tuple[str, ...]:
    return tuple(str(getattr(place, column)) for column in PLACE)


def _price(rate: Rate) -> tuple[str, str | None, str, str]:
    listed = None if rate.list_micros is None else usd(rate.list_micros)
    return usd(rate.usd_micros), listed, rate.status, rate.note


def _book(context: typer.Context) -> PriceBook:
    settings = settings_of(context)
    extra = settings.price_tables
    try:
        tables = {t.version: t for t in load_tables(BUNDLED, *([extra] if extra else [])).versions}
        if has_ledger(settings):  # what was imported is there alone
            with reading(settings) as session:
                tables |= {table.version: table for table in versions.book(session).versions}
        return PriceBook(tables.values())
    except ValueError as error:
        raise CommandError(str(error)) from error


def _table(context: typer.Context, named: str) -> PriceTable:
    try:
        return _book(context).version(named)
    except NoTable:
        return _file(Path(named))


def _file(path: Path) -> PriceTable:
    if not path.is_file():
        raise CommandError(f"{path}: no such version or file", code=WRONG_USAGE)
    try:
        return read_table(path)
    except TableError as error:
        raise CommandError(str(error)) from error


def _in_force(book: PriceBook, when: datetime) -> PriceTable | None:
    try:
        return book.at(when)
    except NoTable:
        return None
