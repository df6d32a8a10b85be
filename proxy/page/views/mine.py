"""`/my`: what a key may see of itself, and nothing of others."""

from starlette.responses import Response

from proxy.directory import Key
from proxy.page.curve import day_curve
from proxy.page.forms import Filled
from proxy.page.gate import View
from proxy.page.listing import STATES, charges, story
from proxy.page.render import live, part_only, render
from proxy.page.standing import one
from proxy.page.views.charges import asked_for
from proxy.page.visit import NotHere, Visit


def _own(visit: Visit) -> Key:
    if visit.key is None:
        raise NotHere("Log in with a key.")
    return visit.key


async def mine(visit: Visit) -> Response:
    """Show the key's own budgets, day and charges."""
    key = _own(visit)
    wanted = asked_for(visit, key_id=key.id)
    found = await visit.desk.reader.ask(charges(wanted))
    rows = live(
        visit, "charges", "_charges.html", fares=found.fares, filtered=wanted.is_set, base="/my"
    )
    if visit.part == "charges":
        return part_only(visit, rows)
    directory = visit.desk.directory
    standings = await visit.desk.reader.ask(one(directory, key))
    top = live(
        visit, "figures", "_my_figures.html", key=key, day=standings[0],
        unseen=key.id not in directory.keys, paused=directory.paused(key),
        others=[s for s in standings[1:] if s.limit_micros is not None],
        shared=visit.desk.settings.show_shared,
    )  # fmt: skip
    if visit.part == "figures":
        return part_only(visit, top)
    curve = await visit.desk.reader.ask(day_curve(visit.zone, key_id=key.id))
    drawn = live(visit, "curve", "_curve.html", curve=curve, limit=standings[0].limit_micros)
    if visit.part == "curve":
        return part_only(visit, drawn)
    return render(
        visit, "my.html", key=key, rows=rows, top=top, curve=drawn, wanted=wanted,
        more=found.more_before, states=STATES,
    )  # fmt: skip


async def my_charge(visit: Visit) -> Response:
    """Tell one of the key's own charges; another's is not found, like one that is not there."""
    found = await visit.desk.reader.ask(story(visit.request.path_params["charge_id"]))
    if found is None or found.fare.key_id != _own(visit).id:
        raise NotHere("This key has no charge of this id.")
    return render(
        visit, "charge.html", story=found, fare=found.fare, filled=Filled({}), may_decide=False,
        base="/my",
    )  # fmt: skip


VIEWS = (
    View("GET", "/my", "key", mine),
    View("GET", "/my/{charge_id}", "key", my_charge),
)
