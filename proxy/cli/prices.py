"""`farebox prices`: what an image costs, and since when."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Annotated, Final

import typer

from pricing import (
    BUNDLED,
    NoTable,
    PriceBook,
    PriceTable,
    TableError,
    load_table,
    load_tables,
    usd,
)
from pricing.rates import Rate
from proxy import clock
from proxy.cli.arguments import Json, instant, settings_of
from proxy.cli.output import FINDING, WRONG_USAGE, CommandError, say, show_table

app = typer.Typer(help="What an image costs, and since when.")

VERSIONS: Final = ("version", "effective_from", "in_force", "complete", "models", "source")
RATES: Final = (
    "model", "resolution", "task", "references", "quality", "usd", "list_usd", "status", "note",
)  # fmt: skip
CHANGES: Final = ("change", "model", "resolution", "task", "references", "quality", "from", "to")

Place = tuple[str, str, str, str, str]
"""Model, resolution, task, references and quality: what a rate is the price of."""


@app.command("list")
def list_versions(context: typer.Context, as_json: Json = False) -> None:
    """List the versions of the price table, oldest first."""
    book = _book(context)
    current = _in_force(book, clock.instant(clock.now_us()))
    show_table(
        VERSIONS,
        (
            (t.version, t.effective_from, t is current, t.complete, len(t.models), t.source)
            for t in book.versions
        ),
        as_json=as_json,
    )


@app.command()
def show(
    context: typer.Context,
    at: Annotated[str | None, typer.Option(help="An instant or day; now if left out.")] = None,
    as_json: Json = False,
) -> None:
    """Show every price in force at an instant."""
    when = instant(at) if at else clock.instant(clock.now_us())
    table = _in_force(_book(context), when)
    if table is None:
        raise CommandError(f"no price table is in force at {when.isoformat()}")
    rows = ((*place, *_price(rate)) for place, rate in _rates(table).items())
    show_table(RATES, rows, as_json=as_json)


@app.command()
def lint(file: Annotated[Path, typer.Argument(help="A price table, TOML.")]) -> None:
    """Check a price table before it is used; exit 1 names file, line and member."""
    table = _read(file)
    say(f"{file}: version {table.version}, {len(table.models)} models, fine")


@app.command()
def diff(
    context: typer.Context,
    old: Annotated[str, typer.Argument(help="A version, or a file.")],
    new: Annotated[str, typer.Argument(help="A version, or a file.")],
    as_json: Json = False,
) -> None:
    """Show what changes from one price table to another; exit 1 if anything does."""
    changes = list(_changes(_rates(_table(context, old)), _rates(_table(context, new))))
    show_table(CHANGES, changes, as_json=as_json)
    raise typer.Exit(FINDING if changes else 0)


def _changes(old: Mapping[Place, Rate], new: Mapping[Place, Rate]) -> Iterator[tuple[str, ...]]:
    for place in dict.fromkeys((*old, *new)):
        was, will = _price_of(old, place), _price_of(new, place)
        if was != will:
            word = "added" if not was else "changed" if will else "removed"
            yield (word, *place, was, will)


def _price_of(rates: Mapping[Place, Rate], place: Place) -> str:
    return usd(rates[place].usd_micros) if place in rates else ""


def _rates(table: PriceTable) -> dict[Place, Rate]:
    return {_place(id_, rate): rate for id_, model in table.models.items() for rate in model.rates}


def _place(model: str, rate: Rate) -> Place:
    least, most = rate.references or (None, None)
    references = "" if least is None else f"{least}-{'' if most is None else most}"
    return model, rate.resolution, rate.task or "", references, rate.quality or ""


def _price(rate: Rate) -> tuple[str, str | None, str, str]:
    listed = None if rate.list_micros is None else usd(rate.list_micros)
    return usd(rate.usd_micros), listed, rate.status, rate.note


def _book(context: typer.Context) -> PriceBook:
    extra = settings_of(context).price_tables
    try:
        return load_tables(BUNDLED, *([extra] if extra else []))
    except TableError as error:
        raise CommandError(str(error)) from error


def _table(context: typer.Context, named: str) -> PriceTable:
    try:
        return _book(context).version(named)
    except NoTable:
        if not Path(named).is_file():
            raise CommandError(f"{named}: no such version or file", code=WRONG_USAGE) from None
        return _read(Path(named))


def _read(file: Path) -> PriceTable:
    try:
        return load_table(file.read_text(encoding="utf-8"), name=str(file))
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"{file}: {error}", code=WRONG_USAGE) from error
    except TableError as error:
        raise CommandError(str(error)) from error


def _in_force(book: PriceBook, when: datetime) -> PriceTable | None:
    try:
        return book.at(when)
    except NoTable:
        return None
