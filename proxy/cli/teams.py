"""`farebox teams`: caps over the keys of a team, and over the whole installation."""

from typing import Annotated, Any, Final

import typer

from proxy.admin import changes
from proxy.admin.asked import TeamFacts
from proxy.admin.shown import team_facts
from proxy.cli.arguments import Json
from proxy.cli.arguments import team as team_name
from proxy.cli.ledger import actor, asked, opened
from proxy.cli.output import WRONG_USAGE, CommandError, say, show_facts, show_table
from proxy.directory import ACTIVE, PAUSED

app = typer.Typer(
    help="Caps over the keys of a team; the team '*' is the whole installation.",
)

COLUMNS: Final = ("name", "daily_budget_usd", "monthly_budget_usd", "state", "keys")

Named = Annotated[str, typer.Argument(metavar="T", help="A team; '*' is everything.")]
Limit = Annotated[str | None, typer.Option(help="USD, or unlimited.")]
Why = Annotated[str, typer.Option(help="Goes on the record.")]


@app.command("set")
def set_team(
    context: typer.Context,
    team: Annotated[str, typer.Argument(metavar="T", help="A team.", parser=team_name)],
    daily_budget: Limit = None,
    monthly_budget: Limit = None,
    as_json: Json = False,
) -> None:
    """Set a team's limits; a new team is made; what is not named stays."""
    said = {"daily_budget_usd": daily_budget, "monthly_budget_usd": monthly_budget}
    given = {name: text for name, text in said.items() if text is not None}
    if not given:
        raise CommandError("nothing to set: name at least one budget", code=WRONG_USAGE)
    wanted = asked(TeamFacts, given)
    with opened(context, make=True) as store:
        made = store.transact(changes.set_team(team, wanted, actor=actor()))
        facts = team_facts(made, store.directory.keys)
    show_facts(facts, as_json=as_json)


@app.command("list")
def list_teams(context: typer.Context, as_json: Json = False) -> None:
    """List teams, the installation first."""
    with opened(context) as store:
        keys = store.directory.keys
        rows: list[dict[str, Any]] = [
            team_facts(team, keys) for team in changes.teams(store.directory).values()
        ]
    columns = tuple(rows[0]) if as_json else COLUMNS  # the installation is always there
    show_table(columns, [[row[column] for column in columns] for row in rows], as_json=as_json)


@app.command()
def pause(context: typer.Context, team: Named, why: Why = "") -> None:
    """Refuse the submits of a team, or with '*' of everybody; polls go on."""
    _put(context, team, PAUSED, why)


@app.command()
def resume(context: typer.Context, team: Named, why: Why = "") -> None:
    """Admit a paused team again."""
    _put(context, team, ACTIVE, why)


def _put(context: typer.Context, name: str, state: str, why: str) -> None:
    with opened(context) as store:
        team = store.transact(changes.put_team(name, state, actor=actor(), why=why))
    whose = "everything" if team.name == "*" else f"team '{team.name}'"
    say(f"{whose} is {team.state}")
