"""`farebox report`: what was spent, for people and for finance tools."""

import sys
from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from pricing import usd
from proxy.cli.arguments import Json, settings_of
from proxy.cli.books import day, reading, wrong, zone_name
from proxy.cli.ledger import actor, opened
from proxy.cli.output import CommandError, say, show_table, unwritable
from proxy.ledger.session import Session
from proxy.reports import exports, sheets, spend
from proxy.reports.exports import MonthDiffers
from proxy.reports.forecast import forecast
from proxy.reports.sheets import Kind, NoParquet
from proxy.reports.spend import Question, groupings, held, unpriced_calls, whole_period

app = typer.Typer(help="What was spent, for people and for finance tools.")
MONEY_PLACES = 6
FORECAST = ("scope", "name", "window", "period", "spent_usd", "forecast_usd")


class Format(StrEnum):
    """How a report is printed."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"
    PARQUET = "parquet"


@app.command("spend")
def show_spend(
    context: typer.Context,
    *,
    by: Annotated[str, typer.Option(help=f"Any of {', '.join(spend.GROUPINGS)}.")] = "team,model",
    from_: Annotated[str | None, typer.Option("--from", help="First day.")] = None,
    to: Annotated[str | None, typer.Option("--to", help="Last day, included.")] = None,
    timezone: Annotated[str | None, typer.Option(help="Whose days; FAREBOX_TIMEZONE.")] = None,
    format_: Annotated[Format, typer.Option("--format", help="How to print.")] = Format.TABLE,
    out: Annotated[Path | None, typer.Option(help="A file instead of standard output.")] = None,
    as_json: Json = False,
) -> None:
    """Show settled spend by any grouping; days by instant of admission."""
    settings = settings_of(context)
    with reading(settings) as session:
        zone = zone_name(timezone, session)
        try:
            period = whole_period(session, zone, day(from_), day(to))
            question = Question(groupings(by), period)
            spend.refuse_strange_tags(session, question.by, settings.tags)
        except ValueError as error:
            raise wrong(error) from error
        rows = spend.rows(session, question)
        _print(question, rows, Format.JSON if as_json else format_, out)
        _say_rest(session, question)


class Grain(StrEnum):
    """What one row of an export is."""

    CHARGE = "charge"
    DAY = "day"


@app.command("focus")
def export_focus(
    context: typer.Context,
    *,
    month: Annotated[str, typer.Option(help="A billing month, 2026-11, in UTC.")],
    out: Annotated[Path, typer.Option(help="FILE.csv or FILE.parquet.")],
    grain: Annotated[Grain, typer.Option(help="A row a charge, or a row a day.")] = Grain.CHARGE,
) -> None:
    """Write a month as FOCUS 1.2; a month that is over is closed by its first export."""
    write = {".csv": exports.write_csv, ".parquet": exports.write_parquet}.get(out.suffix.lower())
    if write is None:
        raise wrong(f"{out} must end in .csv or .parquet")
    with opened(context) as store:
        partial = out.with_name(f".{out.name}.partial")
        try:
            with store.session.snapshot():
                wanted = exports.find(store.session, month, grain.value)
                digest = write(store.session, wanted, partial)
            exports.check(wanted, digest)
            store.transact(exports.close(wanted, digest, actor=actor()))
            partial.replace(out)
        except ValueError as error:
            raise wrong(f"{month} is no month such as 2026-11") from error
        except (NoParquet, MonthDiffers) as error:
            raise CommandError(str(error)) from error
        except OSError as error:
            raise unwritable(out, error) from error
        finally:
            partial.unlink(missing_ok=True)
    say(f"{exports.closing(wanted)}; sha256 of its CSV {digest}")


@app.command("forecast")
def show_forecast(
    context: typer.Context,
    *,
    timezone: Annotated[str | None, typer.Option(help="Whose days; the ledger's.")] = None,
    as_json: Json = False,
) -> None:
    """Say where the day and the month of every key and team are heading."""
    with reading(settings_of(context)) as session:
        found = forecast(session, zone_name(timezone, session))
    rows = [each.facts() for each in found]
    show_table(FORECAST, ([row[name] for name in FORECAST] for row in rows), as_json=as_json)


def _say_rest(session: Session, question: Question) -> None:
    """Say what the calls of the period may cost beyond what is counted."""
    open_, unpriced = held(session, question.period), unpriced_calls(session, question.period)
    if open_.charges:
        say(f"not counted: {usd(open_.micros)} USD held by {open_.charges} undecided charges")
    if unpriced:
        say(f"not counted: what {unpriced} unpriced call{'s' * (unpriced > 1)} cost")


def _print(
    question: Question, rows: Iterator[Sequence[Any]], format_: Format, out: Path | None
) -> None:
    if format_ is Format.TABLE and out is None:
        show_table(question.columns, rows)
    elif format_ is Format.PARQUET:
        _write_parquet(out, question, rows)
    elif format_ is Format.JSON:
        write(sheets.as_json(question.columns, rows), out)
    else:
        write(sheets.as_csv(_kinds(question), rows), out)


def _kinds(question: Question) -> list[tuple[str, Kind]]:
    kinds: dict[str, Kind] = {"calls": "count", "images": "count"}
    return [
        (name, kinds.get(name, "money" if name in spend.FIGURES else "text"))
        for name in question.columns
    ]


def _write_parquet(out: Path | None, question: Question, rows: Iterable[Sequence[Any]]) -> None:
    if out is None and sys.stdout.isatty():
        raise wrong("Parquet is not for a terminal; name a file with --out")
    target = sys.stdout.buffer if out is None else str(out)
    try:
        sheets.write_parquet(target, _kinds(question), rows, scale=MONEY_PLACES)
    except NoParquet as missing:
        raise CommandError(str(missing)) from missing
    except OSError as error:
        raise unwritable(out, error) from error


def write(pieces: Iterable[str], out: Path | None) -> None:
    """Write pieces of text to a file, or to standard output."""
    try:
        if out is not None:
            with out.open("w", encoding="utf-8", newline="") as file:
                file.writelines(pieces)
            return
        for piece in pieces:
            sys.stdout.write(piece)
    except OSError as error:
        raise unwritable(out, error) from error
