"""Today at a glance: spent, held, remaining, the day's curve, the last charges and refusals."""

from markupsafe import Markup
from starlette.responses import Response

from proxy.page.curve import day_curve
from proxy.page.gate import View
from proxy.page.listing import Filter, charges, uncertain
from proxy.page.render import live, part_only, render
from proxy.page.standing import board
from proxy.page.visit import NotHere, Visit

LAST = 12


async def today(visit: Visit) -> Response:
    """Show the whole page, or one part that asks for itself again."""
    if visit.part:
        if visit.part not in PARTS:
            raise NotHere("There is no such part of this page.")
        return part_only(visit, await PARTS[visit.part](visit))
    parts = {name: await part(visit) for name, part in PARTS.items()}
    return render(visit, "today.html", parts=parts)


async def _figures(visit: Visit) -> Markup:
    found = await visit.desk.reader.ask(board(visit.desk.directory))
    doubtful, held = await visit.desk.reader.ask(uncertain)
    return live(
        visit, "figures", "_figures.html", board=found, uncertain=doubtful, uncertain_micros=held
    )


async def _budgets(visit: Visit) -> Markup:
    found = await visit.desk.reader.ask(board(visit.desk.directory))
    return live(visit, "budgets", "_budgets.html", board=found)


async def _curve(visit: Visit) -> Markup:
    found = await visit.desk.reader.ask(day_curve(visit.desk.zone))
    whole = visit.desk.directory.teams.get("*")
    limit = whole.daily_micros if whole and (whole.daily_micros or -1) > 0 else None
    return live(visit, "curve", "_curve.html", curve=found, limit=limit)


async def _charges(visit: Visit) -> Markup:
    found = await visit.desk.reader.ask(charges(Filter(), LAST))
    return live(
        visit, "charges", "_charges.html", fares=found.fares, filtered=False, base="/charges"
    )


async def _refusals(visit: Visit) -> Markup:
    kept = visit.desk.refused
    return live(
        visit, "refusals", "_refusals.html", refused=kept.last(LAST), since_us=kept.since_us,
        workers=visit.desk.settings.workers,
    )  # fmt: skip


PARTS = {
    "figures": _figures,
    "curve": _curve,
    "budgets": _budgets,
    "charges": _charges,
    "refusals": _refusals,
}
VIEWS = (View("GET", "/", "admin", today),)
