"""Teams and the whole installation: caps, and the switch that stops them."""

from http import HTTPStatus

from pydantic import BaseModel, ConfigDict
from starlette.responses import Response

from proxy.admin import changes
from proxy.admin.asked import Name, Reason, TeamFacts
from proxy.directory import ACTIVE, PAUSED, REVOKED
from proxy.ledger.registry import Missing, Stale
from proxy.page.forms import Filled, Unfit, changed, read, team_shown
from proxy.page.gate import View
from proxy.page.render import render
from proxy.page.standing import board
from proxy.page.visit import NotHere, Visit

ACTOR = "page"
STALE = "Somebody else changed this team since you opened the page. Below is how it stands now."


class _Named(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    name: Name


async def listed(visit: Visit) -> Response:
    """List the teams with their caps."""
    return await _listed(visit)


async def _listed(
    visit: Visit, of: str = "", filled: Filled | None = None, status: int = 200
) -> Response:
    directory = visit.desk.directory
    found = await visit.desk.reader.ask(board(directory))
    lines = {g.team.name: g.team for g in found.groups if g.team} | {"*": found.whole}
    teams = [t for t in changes.teams(directory).values() if t.name in lines]
    teams.sort(key=lambda t: (t.name != "*", t.name))
    living = [k.team for k in directory.keys.values() if k.state != REVOKED]
    sizes = {t.name: living.count(t.name) for t in teams}
    forms = {t.name: Filled(team_shown(t)) for t in teams}
    new = Filled({})
    if filled is not None:
        forms, new = (forms | {of: filled}, new) if of in forms else (forms, filled)
    return render(
        visit, "teams.html", status, teams=teams, lines=lines, forms=forms, new=new, sizes=sizes
    )


async def save(visit: Visit) -> Response:
    """Set a team's caps; a new name makes a new team."""
    name = visit.said("name")
    try:
        known = visit.desk.directory.teams.get(name)
        shown = team_shown(known) if known else {}
        said = {n: visit.said(n) or None for n in ("daily_budget_usd", "monthly_budget_usd")}
        wanted = changed(visit.form, shown) if known else set(said)
        asked = read(TeamFacts, {n: v for n, v in said.items() if n in wanted}, _misnamed(name))
        sent = visit.said("version")
        versions = {int(sent)} if known and sent.isdecimal() else None
        change = changes.set_team(name, asked, actor=ACTOR, versions=versions)
        await visit.desk.fares.writer.transact(change)
    except Unfit as unfit:
        return await _listed(visit, name, Filled(dict(visit.form), unfit.errors), 422)
    except Stale:
        return await _listed(visit, name, Filled({}, general=STALE), HTTPStatus.CONFLICT)
    return visit.go("/teams?done=saved")


def _misnamed(name: str) -> dict[str, str]:
    try:
        if name != "*":
            read(_Named, {"name": name})
    except Unfit as unfit:
        return unfit.errors
    return {}


async def put(visit: Visit) -> Response:
    """Pause or resume a team, or everything."""
    name, do = visit.said("name"), visit.request.path_params["do"]
    state = {"pause": PAUSED, "resume": ACTIVE}.get(do)
    if state is None:
        raise NotHere("A team can be paused and resumed.")
    try:
        why = read(Reason, {"why": visit.said("why")}).why
        change = changes.put_team(name, state, actor=ACTOR, why=why)
        await visit.desk.fares.writer.transact(change)
    except Missing as missing:
        raise NotHere("There is no team of this name.") from missing
    except Unfit as unfit:
        return await _listed(visit, name, Filled(dict(visit.form), unfit.errors), 422)
    return visit.go(f"/teams?done={do}")


VIEWS = (
    View("GET", "/teams", "admin", listed),
    View("POST", "/teams", "admin", save),
    View("POST", "/teams/{do}", "admin", put),
)
