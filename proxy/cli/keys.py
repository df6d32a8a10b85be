"""`farebox keys`: who may call, and how much they may spend."""

from pathlib import Path
from typing import Annotated, Final

import typer

from proxy.admin import changes
from proxy.admin.asked import GRACE_MAX_S, KeyChange, NewKey, TopUp, limit_micros
from proxy.admin.shown import budget_shown, key_facts
from proxy.cli.adoption import adopt
from proxy.cli.arguments import Json, span
from proxy.cli.imports import import_file
from proxy.cli.key_options import Given, Named, Why, says_of_a_key
from proxy.cli.key_shown import COLUMNS, row_of, show_key, told, warn_of_models
from proxy.cli.ledger import actor, asked, opened
from proxy.cli.output import WRONG_USAGE, CommandError, say, show_facts, show_table
from proxy.directory import ACTIVE, PAUSED, REVOKED
from proxy.ledger.reader import where_stands
from proxy.ledger.registry import Made, Taken
from proxy.ledger.store import Store

app = typer.Typer(help="Who may call, and how much they may spend.")

STATES: Final = (ACTIVE, PAUSED, REVOKED)


@app.command()
@says_of_a_key()
def create(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="1 to 64 of A-Z a-z 0-9 . _ -")],
    *,
    given: Given,
    as_json: Json = False,
) -> None:
    """Make a key; its secret is printed once."""
    wanted = asked(NewKey, {"name": name, **given}, name="NAME")
    with opened(context, make=True) as store:
        try:
            made = store.transact(changes.create(wanted, actor=actor()))
        except Taken as taken:
            raise CommandError(f"{taken}{_instead(store, name)}", code=WRONG_USAGE) from taken
        warn_of_models(store, wanted.models or [])
    _show_made(made, as_json=as_json)


@app.command("set")
@says_of_a_key()
def alter(
    context: typer.Context,
    name: Named,
    *,
    rename: Annotated[str | None, typer.Option(help="Its new name.")] = None,
    given: Given,
    as_json: Json = False,
) -> None:
    """Change a key; what is not named stays."""
    given |= {"name": rename} if rename else {}
    if not given:
        raise CommandError("nothing to set: name at least one option", code=WRONG_USAGE)
    wanted = asked(KeyChange, given, name="--rename")
    with opened(context) as store:
        key = store.transact(changes.alter(name, wanted, actor=actor()))
        warn_of_models(store, wanted.models or [])
    show_key(key, as_json=as_json)


@app.command("list")
def list_keys(
    context: typer.Context,
    team: Annotated[str | None, typer.Option(help="Only keys of this team.")] = None,
    state: Annotated[str | None, typer.Option(help=f"One of {', '.join(STATES)}.")] = None,
    as_json: Json = False,
) -> None:
    """List keys with what they have spent today."""
    if state not in (None, *STATES):
        raise CommandError(f"--state: one of {', '.join(STATES)}", code=WRONG_USAGE)
    with opened(context) as store:
        found = [
            (row_of(store, key), key)
            for key in sorted(store.directory.keys.values(), key=lambda key: key.name)
            if team in (None, key.team) and state in (None, key.state)
        ]
    if as_json:
        rows = [{**key_facts(key), **row} for row, key in found]
        show_table(tuple(rows[0]) if rows else COLUMNS, [r.values() for r in rows], as_json=True)  # type: ignore[misc]
    else:
        show_table(COLUMNS, [[row[name] for name in COLUMNS] for row, _ in found])


@app.command()
def show(context: typer.Context, name: Named, as_json: Json = False) -> None:
    """Show a key and every budget that binds it."""
    with opened(context) as store:
        key = changes.find(store.directory, name)
        standings = where_stands(store.directory, key)(store.session)
    budgets = [budget_shown(each).model_dump() for each in standings]
    if as_json:
        show_facts({**key_facts(key), "budgets": budgets}, as_json=True)
        return
    show_key(key, as_json=False)
    show_table(tuple(budgets[0]), [tuple(budget.values()) for budget in budgets])


@app.command()
def rotate(
    context: typer.Context,
    name: Named,
    *,
    grace: Annotated[
        str | None, typer.Option(help="How long the old secret is still good, such as 24h.")
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Also if a grace of an earlier rotation runs: end it.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Give a key a new secret, printed once; what it has spent stays spent."""
    grace_s = int(span(grace)) if grace else 0
    if grace_s > GRACE_MAX_S:
        raise CommandError(f"--grace: at most {GRACE_MAX_S // 86400}d", code=WRONG_USAGE)
    with opened(context) as store:
        try:
            made = store.transact(changes.rotate(name, actor=actor(), grace_s=grace_s, force=force))
        except changes.StillGood as refused:
            raise CommandError(f"{refused}; --force does so") from refused
    _show_made(made, as_json=as_json)


@app.command()
def revoke(context: typer.Context, name: Named, why: Why = "") -> None:
    """Turn a key away for good; what it has in flight is still settled."""
    _put(context, name, REVOKED, why)


@app.command()
def pause(context: typer.Context, name: Named, why: Why = "") -> None:
    """Refuse a key's submits until it is resumed; polls go on."""
    _put(context, name, PAUSED, why)


@app.command()
def resume(context: typer.Context, name: Named, why: Why = "") -> None:
    """Admit a paused key again."""
    _put(context, name, ACTIVE, why)


@app.command("top-up")
def top_up(
    context: typer.Context,
    name: Named,
    amount: Annotated[str, typer.Argument(metavar="USD", help="How much more, for today only.")],
    as_json: Json = False,
) -> None:
    """Add to a key's limit for its running day."""
    wanted = asked(TopUp, {"usd": amount}, usd="USD")
    with opened(context) as store:
        key = store.transact(changes.top_up(name, limit_micros(wanted.usd), actor=actor()))
        row = row_of(store, key)
    show_facts({"name": key.name, **{c: row[c] for c in COLUMNS[4:8]}}, as_json=as_json)


app.command()(adopt)


@app.command("import")
def import_keys(
    context: typer.Context,
    file: Annotated[
        Path, typer.Argument(help="Keys and teams, TOML.", exists=True, dir_okay=False)
    ],
    secrets: Annotated[
        Path | None, typer.Option(help="New file, 0600, for the secrets of new keys.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Bring keys and teams to what a file says; run again, it changes nothing."""
    import_file(context, file, secrets, as_json=as_json)


def _put(context: typer.Context, name: str, state: str, why: str) -> None:
    with opened(context) as store:
        key = store.transact(changes.put(name, state, actor=actor(), why=why))
    say(f"key '{key.name}' is {key.state}")


def _instead(store: Store, name: str) -> str:
    """Say what can be done where a name is taken; a revoked key cannot be changed."""
    if changes.find(store.directory, name).state == REVOKED:
        return ", revoked for good: choose another name"
    return f": choose another name, or change that key with farebox keys set {name}"


def _show_made(made: Made, *, as_json: bool) -> None:
    if as_json:
        show_facts({**key_facts(made.key), "key": made.secret}, as_json=True)
        return
    show_facts({**told(made.key), "key": made.secret})
    say("This is the only time that the key is shown.")
