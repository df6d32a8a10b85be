"""`farebox reconcile`: the ledger against the provider's bill."""

import json
import sys
from pathlib import Path
from typing import Annotated, Final

import typer

from pricing import usd
from proxy.cli.arguments import Json, settings_of
from proxy.cli.books import day, reading, wrong, zone_name
from proxy.cli.ledger import actor, opened
from proxy.cli.output import FINDING, say, show_facts, show_table
from proxy.reports import reconcile as books
from proxy.reports.layout import Layout, MappingError, read_mapping
from proxy.reports.reconcile import Asked, Reconciliation
from proxy.reports.statement import NoStatement

COLUMNS: Final = (
    "category", "line", "prediction_id", "charge_id", "key", "model", "created_at", "ours_usd",
    "theirs_usd", "price_version", "why",
)  # fmt: skip


def reconcile(
    context: typer.Context,
    statement: Annotated[Path, typer.Argument(help="CSV.", exists=True, dir_okay=False)],
    *,
    mapping: Annotated[Path | None, typer.Option(help="TOML: which column says what.")] = None,
    from_: Annotated[str | None, typer.Option("--from", help="First day of the bill.")] = None,
    to: Annotated[str | None, typer.Option("--to", help="Last day of the bill.")] = None,
    timezone: Annotated[str | None, typer.Option(help="Whose days; the ledger's.")] = None,
    account: Annotated[str, typer.Option(help="Fingerprint of the upstream key billed.")] = "",
    apply: Annotated[bool, typer.Option(help="Write corrections into the ledger.")] = False,
    why: Annotated[str, typer.Option(help="The reason, with --apply.")] = "",
    as_json: Json = False,
) -> None:
    """Compare the ledger with a provider statement; exit 1 if anything differs."""
    if apply and not why.strip():
        raise wrong('--apply wants a reason: --why "…"')
    layout = _layout(mapping)
    with reading(settings_of(context)) as session:
        zone = zone_name(timezone, session)
        asked = Asked(statement, layout, statement.name, day(from_), day(to), zone, account)
        try:
            with books.reconciled(session, asked) as found:
                _finish(context, found, apply=apply, why=why)
                _show(found, as_json=as_json)
                differs = found.summary.differs
        except (NoStatement, ValueError) as error:
            raise wrong(error) from error
    raise typer.Exit(FINDING if differs else 0)


def _layout(mapping: Path | None) -> Layout:
    if mapping is None:
        return Layout()
    try:
        return read_mapping(mapping.read_text(encoding="utf-8"))
    except (MappingError, OSError, UnicodeDecodeError) as error:
        raise wrong(f"{mapping}: {error}") from error


def _finish(context: typer.Context, found: Reconciliation, *, apply: bool, why: str) -> None:
    with opened(context) as store:
        if apply:
            books.apply(store, found, actor=actor(), why=why)
        books.record(store, found.summary, actor=actor())


def _show(found: Reconciliation, *, as_json: bool) -> None:
    if as_json:
        _stream(found)
        return
    facts = (each.facts() for each in found.findings())
    if found.summary.differs:
        show_table(COLUMNS, ([fact[name] for name in COLUMNS] for fact in facts))
        say("")
    show_facts({name: fact for name, fact in found.summary.facts().items() if fact is not None})
    _say_rest(found)


def _say_rest(found: Reconciliation) -> None:
    summary = found.summary
    if summary.applied:
        left = usd(summary.left_micros)
        say(f"{summary.applied} corrections written; {left} USD still differ")
    elif any(each.can_apply for each in found.findings()):
        say('nothing was written; --apply --why "…" puts the ledger right')
    elif summary.differs:
        say("nothing was written: no correction can put this right, as the column 'why' tells")


def _stream(found: Reconciliation) -> None:
    sys.stdout.write('{"summary": ' + json.dumps(found.summary.facts()) + ',\n "findings": [')
    before = "\n"
    for each in found.findings():
        sys.stdout.write(f"{before}  {json.dumps(each.facts())}")
        before = ",\n"
    sys.stdout.write("]}\n")
