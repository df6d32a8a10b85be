"""`farebox charges`: every fare, its story, and the two decisions by hand."""

from typing import Annotated, Any, Final

import typer

from proxy.admin import changes
from proxy.admin.asked import Charging, Decision
from proxy.admin.changes import ByHand, entries, refusal_of
from proxy.admin.charge_shown import charge_facts, entry_facts
from proxy.admin.search import Charges, ends_first, moment_us, named
from proxy.charge import Ground
from proxy.cli.arguments import Json
from proxy.cli.ledger import actor, asked, opened
from proxy.cli.output import WRONG_USAGE, CommandError, say, show_facts, show_table
from proxy.ledger import rows
from proxy.ledger.fare import UNPRICED, Fare
from proxy.ledger.operation import Receipt
from proxy.ledger.registry import Missing, audit
from proxy.ledger.session import LedgerFault
from proxy.ledger.store import Store

app = typer.Typer(help="Every fare, its story, and decisions by hand.")

COLUMNS: Final = (
    "id", "admitted_at", "key", "team", "model", "resolution", "images", "state", "cost_usd",
    "prediction_id",
)  # fmt: skip
STATES: Final = ("reserved", "accepted", "uncertain", "settled", "released", "open")

Id = Annotated[str, typer.Argument(metavar="ID", help="Id of a charge, fb_….")]
EitherId = Annotated[
    str, typer.Argument(metavar="ID", help="Id of a charge, fb_…, or of a prediction.")
]
Why = Annotated[str, typer.Option(help="Goes on the record.")]


@app.command("list")
def list_charges(
    context: typer.Context,
    *,
    key: Annotated[str | None, typer.Option(help="Name or id of a key.")] = None,
    team: Annotated[str | None, typer.Option(help="A team, as of admission.")] = None,
    state: Annotated[str | None, typer.Option(help=f"One of {', '.join(STATES)}.")] = None,
    from_: Annotated[str | None, typer.Option("--from", help="A day or an instant.")] = None,
    to: Annotated[str | None, typer.Option("--to", help="The last day, or an instant.")] = None,
    prediction: Annotated[str | None, typer.Option(help="Id of the upstream's job.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="How many at most.")] = 50,
    as_json: Json = False,
) -> None:
    """List charges, newest first."""
    if state not in (None, *STATES):
        raise CommandError(f"--state: one of {', '.join(STATES)}", code=WRONG_USAGE)
    with opened(context) as store:
        zone = store.directory.zone.at(store.session.now_us())
        from_us, until_us = _moment("--from", from_, zone), _moment("--to", to, zone)
        if ends_first(from_us, until_us, to):
            raise CommandError("--to lies before --from", code=WRONG_USAGE)
        wanted = Charges(
            key_id=None if key is None else changes.find(store.directory, key).id,
            team=team,
            state=state,
            from_us=from_us,
            until_us=until_us,
            limit=limit,
            prediction=prediction,
        )
        found = wanted.question()(store.session)
    _show(found[:limit], more=len(found) > limit, as_json=as_json)


def _show(found: list[Fare], *, more: bool, as_json: bool) -> None:
    facts = [charge_facts(fare) for fare in found]
    if as_json:
        columns = tuple(facts[0]) if facts else COLUMNS
        show_table(columns, [[each[c] for c in columns] for each in facts], as_json=True)
    else:
        show_table(COLUMNS, [[_for_people(each)[c] for c in COLUMNS] for each in facts])
    if more:
        say(f"there are more: --limit is {len(found)}")


@app.command()
def show(context: typer.Context, charge: EitherId, as_json: Json = False) -> None:
    """Show a charge and its entries, first to last.

    Two accounts of the upstream's may hold the same prediction id: then each charge of it is shown,
    the newest first.
    """
    with opened(context) as store:
        found = named(store.session, charge)
        if not found:
            raise Missing(f"no charge '{charge}'{_nor_prediction(charge)}")
        _tell(store, found, as_json=as_json)


def _nor_prediction(text: str) -> str:
    return "" if text.startswith("fb_") else ", and none of a prediction of this id"


@app.command()
def release(context: typer.Context, charge: Id, why: Why = "", as_json: Json = False) -> None:
    """Give an uncertain fare back, on the record."""
    wanted = asked(Decision, {"why": why})
    _decide(context, ByHand(charge, None, Ground.HAND, wanted.why, actor()), as_json=as_json)


@app.command("charge")
def charge_it(
    context: typer.Context,
    charge: Id,
    why: Why = "",
    images: Annotated[int, typer.Option(help="Images sold; 0 charges what was reserved.")] = 0,
    as_json: Json = False,
) -> None:
    """Charge an uncertain fare, on the record."""
    wanted = asked(Charging, {"why": why, "images": images})
    operation = ByHand(charge, wanted.images, Ground.HAND, wanted.why, actor())
    _decide(context, operation, as_json=as_json)


def _decide(context: typer.Context, operation: ByHand, *, as_json: bool) -> None:
    charge_id = operation.charge_id
    with opened(context) as store:
        _fare(store, charge_id)
        found = store.commit([operation])[0]
        if isinstance(found, LedgerFault):
            raise found
        receipt: Receipt = found
        if not receipt.changed:
            why = refusal_of(receipt.fare.state, receipt.fare.ground)
            raise CommandError(f"charge {charge_id} stays as it is: {why}")
        word = "charge.release" if operation.outputs is None else "charge.charge"
        store.transact(
            lambda opened: audit(
                opened, operation.actor, word, charge_id, "", receipt.fare.state, operation.reason
            )
        )
        _tell(store, [_fare(store, charge_id)], as_json=as_json)


def _tell(store: Store, fares: list[Fare], *, as_json: bool) -> None:
    told = [
        (charge_facts(fare), [entry_facts(fare, row) for row in entries(store.session, fare.id)])
        for fare in fares
    ]
    if not as_json:
        for facts, story in told:
            _tell_people(facts, story)
    elif len(told) == 1:
        ((facts, story),) = told
        show_facts({**facts, "entries": story}, as_json=True)
    else:
        columns = (*told[0][0], "entries")
        show_table(columns, [(*facts.values(), story) for facts, story in told], as_json=True)


def _tell_people(facts: dict[str, Any], story: list[dict[str, Any]]) -> None:
    told = _for_people(facts)
    show_facts({name: _plain(value) for name, value in told.items() if value not in (None, {})})
    show_table(tuple(story[0]), [tuple(entry.values()) for entry in story])


def _for_people(facts: dict[str, Any]) -> dict[str, Any]:
    """Say in words that nobody knows a cost; an empty cell could be taken for nothing."""
    return facts | ({"cost_usd": UNPRICED} if facts["price_status"] == UNPRICED else {})


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return [f"{name}={text}" for name, text in value.items()]
    return value


def _fare(store: Store, charge_id: str) -> Fare:
    found = rows.fares(store.session, "WHERE id=?", (charge_id,))
    if not found:
        raise Missing(f"no charge '{charge_id}'")
    return found[0]


def _moment(option: str, text: str | None, zone: str) -> int | None:
    try:
        return None if text is None else moment_us(text, zone, end=option == "--to")
    except ValueError as error:
        raise CommandError(f"{option}: {error}", code=WRONG_USAGE) from error
