"""`farebox whatif` and `farebox advise`: what calls would have cost, and what to change."""

import json
from collections.abc import Iterable
from typing import Annotated, Any, Final

import typer

from pricing import NoTable, usd
from proxy.cli.arguments import Json, settings_of
from proxy.cli.books import day, reading, wrong, zone_name
from proxy.cli.output import say, show_facts, show_table
from proxy.ledger import versions
from proxy.ledger.session import Session
from proxy.reports import advise as advice
from proxy.reports.capabilities import bundled
from proxy.reports.periods import Period
from proxy.reports.spend import whole_period
from proxy.reports.whatif import (
    BadSwap,
    Instead,
    at_version,
    folded,
    made,
    summed,
    swapped,
    with_model,
)

COLUMNS: Final = (
    "team", "model", "resolution", "task", "instead", "calls", "spend_usd", "instead_usd",
    "saved_usd", "moves", "why",
)  # fmt: skip
From = Annotated[str | None, typer.Option("--from", help="First day.")]
To = Annotated[str | None, typer.Option("--to", help="Last day, included.")]
Zone = Annotated[str | None, typer.Option(help="Whose days; the ledger's.")]


def whatif(
    context: typer.Context,
    *,
    table: Annotated[str | None, typer.Option(help="A price version.")] = None,
    swap: Annotated[str | None, typer.Option(help="MODEL=MODEL.")] = None,
    from_: From = None,
    to: To = None,
    timezone: Zone = None,
    as_json: Json = False,
) -> None:
    """Price the calls that were made at another version, or with another model."""
    if (table is None) == (swap is None):
        raise wrong("either --table VERSION or --swap MODEL=MODEL")
    with reading(settings_of(context)) as session:
        period = _period(session, from_, to, timezone)
        if table is not None:
            found = _at(session, period, table)
        else:
            found = _swapped(session, period, swap or "")
    total = summed(found, period)
    rows = [each.facts() for each in folded(found)]
    if as_json:
        typer.echo(json.dumps({"calls": rows, "total": total.facts()}, indent=2))
        return
    show_table(COLUMNS, _cells(rows))
    show_facts(total.facts())
    say(f"would have cost {usd(total.spend_micros - total.saved_micros)} USD")


def _cells(rows: Iterable[dict[str, Any]]) -> Iterable[list[Any]]:
    return ([row[name] for name in COLUMNS] for row in rows)


def _period(session: Session, first: str | None, last: str | None, zone: str | None) -> Period:
    try:
        return whole_period(session, zone_name(zone, session), day(first), day(last))
    except ValueError as error:
        raise wrong(error) from error


def _at(session: Session, period: Period, version: str) -> list[Instead]:
    try:
        book = versions.book(session)
        table = book.version(version)
    except NoTable as error:
        raise wrong(error) from error
    return list(at_version(made(session, period), table, book))


def _swapped(session: Session, period: Period, swap: str) -> list[Instead]:
    book = versions.book(session)
    try:
        model, to = swapped(swap, book)
    except BadSwap as error:
        raise wrong(f"--swap: {error}") from error
    return list(with_model(made(session, period), model, to, book, bundled()[0]))


def advise(
    context: typer.Context,
    *,
    from_: From = None,
    to: To = None,
    timezone: Zone = None,
    as_json: Json = False,
) -> None:
    """Say what would have saved money, for whom, and what speaks against it."""
    with reading(settings_of(context)) as session:
        period = _period(session, from_, to, timezone)
        found, wasted = advice.advise(session, period), advice.waste(session, period)
    if as_json:
        facts = {"advice": [a.facts() for a in found], "waste": [w.facts() for w in wasted]}
        typer.echo(json.dumps(facts, indent=2))
        return
    for each in found:
        say(f"\n{each.change}: {each.why}")
        show_table(COLUMNS, _cells(call.facts() for call in each.calls))
        show_facts(each.sum.facts())
        for caveat in each.caveats:
            say(f"- {caveat}")
    if wasted:
        say("\nCalls that brought nothing new")
        show_table(tuple(wasted[0].facts()), (tuple(each.facts().values()) for each in wasted))
