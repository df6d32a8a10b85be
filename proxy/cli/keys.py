"""`farebox keys`: who may call, and how much they may spend."""

import sys
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from pricing import usd
from proxy.admin import changes
from proxy.admin.asked import Adoption, KeyChange, NewKey, TopUp, limit_micros
from proxy.admin.shown import budget_shown, key_facts
from proxy.budget import KEY
from proxy.cli.arguments import Json, moment, span
from proxy.cli.imports import import_file
from proxy.cli.ledger import actor, asked, opened
from proxy.cli.output import WRONG_USAGE, CommandError, say, show_facts, show_table
from proxy.clock import now_us
from proxy.directory import ACTIVE, PAUSED, REVOKED, Key
from proxy.instants import instant
from proxy.keys import fingerprint as fingerprint_of
from proxy.keys import is_farebox
from proxy.ledger.reader import where_stands
from proxy.ledger.registry import Made
from proxy.ledger.store import Store

app = typer.Typer(help="Who may call, and how much they may spend.")

COLUMNS: Final = (
    "name", "team", "state", "mode", "limit_usd", "spent_usd", "reserved_usd", "remaining_usd",
    "expires_at", "id",
)  # fmt: skip
CLEARED: Final = frozenset({"", "default", "none", "never", "all"})

Named = Annotated[str, typer.Argument(metavar="NAME", help="Name or id of a key.")]
Team = Annotated[str | None, typer.Option(help="Team it belongs to; '' for none.")]
Daily = Annotated[str | None, typer.Option(help="USD a day, unlimited, or default.")]
Monthly = Annotated[str | None, typer.Option(help="USD a month, unlimited, or default.")]
Zone = Annotated[str | None, typer.Option(help="IANA zone of its days, or default.")]
Models = Annotated[str | None, typer.Option(help="A,B@1K: what it may use; all.")]
MaxPrice = Annotated[str | None, typer.Option(help="The most one call may cost, USD; none.")]
Expires = Annotated[str | None, typer.Option(help="90d from now, an instant, or never.")]
Mode = Annotated[str | None, typer.Option(help="enforce, or shadow: count but do not refuse.")]
KeyEnv = Annotated[str | None, typer.Option(help="Variable with the GPT Proto key it calls with.")]
Why = Annotated[str, typer.Option(help="Goes on the record.")]


@app.command()
def create(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="1 to 64 of A-Z a-z 0-9 . _ -")],
    *,
    team: Team = None,
    daily_budget: Daily = None,
    monthly_budget: Monthly = None,
    timezone: Zone = None,
    models: Models = None,
    max_price: MaxPrice = None,
    expires: Expires = None,
    mode: Mode = None,
    upstream_key_env: KeyEnv = None,
    as_json: Json = False,
) -> None:
    """Make a key; its secret is printed once."""
    said = _said(locals())
    wanted = asked(NewKey, {"name": name, **said})
    with opened(context, make=True) as store:
        _warn_of_models(store, wanted.models or [])
        made = store.transact(changes.create(wanted, actor=actor()))
    _show_made(made, as_json=as_json)


@app.command("set")
def alter(
    context: typer.Context,
    name: Named,
    *,
    rename: Annotated[str | None, typer.Option(help="Its new name.")] = None,
    team: Team = None,
    daily_budget: Daily = None,
    monthly_budget: Monthly = None,
    timezone: Zone = None,
    models: Models = None,
    max_price: MaxPrice = None,
    expires: Expires = None,
    mode: Mode = None,
    upstream_key_env: KeyEnv = None,
    as_json: Json = False,
) -> None:
    """Change a key; what is not named stays."""
    said = _said(locals()) | ({"name": rename} if rename else {})
    if not said:
        raise CommandError("nothing to set: name at least one option", code=WRONG_USAGE)
    wanted = asked(KeyChange, said)
    with opened(context) as store:
        _warn_of_models(store, wanted.models or [])
        key = store.transact(changes.alter(name, wanted, actor=actor()))
    _show_key(key, as_json=as_json)


@app.command("list")
def list_keys(
    context: typer.Context,
    team: Annotated[str | None, typer.Option(help="Only keys of this team.")] = None,
    state: Annotated[str | None, typer.Option(help="active, paused or revoked.")] = None,
    as_json: Json = False,
) -> None:
    """List keys with what they have spent today."""
    with opened(context) as store:
        found = [
            (_row(store, key), key)
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
    _show_key(key, as_json=False)
    show_table(tuple(budgets[0]), [tuple(budget.values()) for budget in budgets])


@app.command()
def rotate(
    context: typer.Context,
    name: Named,
    grace: Annotated[
        str | None, typer.Option(help="How long the old secret is still good, such as 24h.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Give a key a new secret, printed once; what it has spent stays spent."""
    grace_s = int(span(grace)) if grace else 0
    with opened(context) as store:
        made = store.transact(changes.rotate(name, actor=actor(), grace_s=grace_s))
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
    wanted = asked(TopUp, {"usd": amount})
    with opened(context) as store:
        key = store.transact(changes.top_up(name, limit_micros(wanted.usd), actor=actor()))
        row = _row(store, key)
    show_facts({"name": key.name, **{c: row[c] for c in COLUMNS[4:8]}}, as_json=as_json)


@app.command()
def adopt(
    context: typer.Context,
    fingerprint: Annotated[
        str | None,
        typer.Argument(
            metavar="[FINGERPRINT|-]",
            help="Of a team's own GPT Proto key; - reads the key itself; none lists who calls.",
        ),
    ] = None,
    *,
    name: Annotated[str | None, typer.Option("--as", help="What it is called from now on.")] = None,
    team: Team = None,
    daily_budget: Daily = None,
    monthly_budget: Monthly = None,
    timezone: Zone = None,
    models: Models = None,
    max_price: MaxPrice = None,
    expires: Expires = None,
    mode: Mode = None,
    as_json: Json = False,
) -> None:
    """Name a team's own GPT Proto key and give it a budget, without storing the secret."""
    said = _said(locals())
    if fingerprint is None:
        _list_strangers(context, as_json=as_json)
        return
    mark = _read_secret() if fingerprint == "-" else fingerprint
    if name is None:
        raise CommandError("say what it is to be called: --as NAME", code=WRONG_USAGE)
    wanted = asked(Adoption, {"fingerprint": mark, "name": name, **said})
    with opened(context, make=True) as store:
        key = store.transact(changes.adopt(wanted, actor=actor()))
    _show_key(key, as_json=as_json)


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


def _said(options: Mapping[str, Any]) -> dict[str, Any]:
    """Read options into members of the API; what was not given is left out."""
    found: dict[str, Any] = {}
    for option, member in _MEMBERS.items():
        if (text := options.get(option)) is not None:
            found[member] = None if _clears(option, text) else _member(option, text)
    return found


_MEMBERS: Final = {
    "team": "team",
    "daily_budget": "daily_budget_usd",
    "monthly_budget": "monthly_budget_usd",
    "timezone": "timezone",
    "models": "models",
    "max_price": "max_price_usd",
    "expires": "expires_at",
    "mode": "mode",
    "upstream_key_env": "upstream_key_env",
}


def _clears(option: str, text: str) -> bool:
    return text == "" if option in {"team", "mode"} else text.lower() in CLEARED


def _member(option: str, text: str) -> Any:
    if option == "models":
        return [part.strip() for part in text.split(",") if part.strip()]
    return _expiry(text) if option == "expires" else text


def _expiry(text: str) -> datetime:
    if text[-1:].isalpha() and "T" not in text:
        return instant(now_us() + int(span(text) * 1e6))
    return moment(text)


def _read_secret() -> str:
    """Read a key from standard input into its fingerprint; nothing else of it is kept."""
    bare = sys.stdin.readline().strip()
    for word in ("Bearer ", "bearer "):
        bare = bare.removeprefix(word).strip()
    if not bare or not bare.isascii() or not bare.isprintable() or " " in bare:
        raise CommandError("standard input holds no key", code=WRONG_USAGE)
    if is_farebox(bare):
        raise CommandError("this is a Farebox key: it needs no adoption", code=WRONG_USAGE)
    return fingerprint_of(bare)


def _list_strangers(context: typer.Context, *, as_json: bool) -> None:
    columns = ("fingerprint", "limit_usd", "spent_usd", "reserved_usd", "remaining_usd")
    with opened(context) as store:
        found = [k for k in store.directory.keys.values() if k.own and not k.adopted]
        rows = [
            (key.fingerprint, *(_row(store, key)[c] for c in columns[1:]))
            for key in sorted(found, key=lambda key: key.fingerprint)
        ]
    if not rows:
        say("no caller with an own key is waiting to be adopted")
    show_table(columns, rows, as_json=as_json)


def _put(context: typer.Context, name: str, state: str, why: str) -> None:
    with opened(context) as store:
        key = store.transact(changes.put(name, state, actor=actor(), why=why))
    say(f"key '{key.name}' is {key.state}")


def _warn_of_models(store: Store, models: list[str]) -> None:
    """Say so where an allow-list names what no price table sells: such a key buys nothing."""
    for entry, hint in changes.unknown_models(store.session, models):
        say(f"farebox: no price table knows '{entry}'{hint}")


def _row(store: Store, key: Key) -> dict[str, Any]:
    standings = where_stands(store.directory, key)(store.session)
    mine = next(s for s in standings if s.budget.scope == KEY)
    limit, left = mine.limit_micros, mine.remaining_micros
    return {
        **key_facts(key),
        "limit_usd": "unlimited" if limit is None else usd(limit),
        "spent_usd": usd(mine.settled_micros),
        "reserved_usd": usd(mine.reserved_micros),
        "remaining_usd": None if left is None else usd(left),
    }


def _show_made(made: Made, *, as_json: bool) -> None:
    if as_json:
        show_facts({**key_facts(made.key), "key": made.secret}, as_json=True)
        return
    show_facts({**_told(made.key), "key": made.secret})
    say("This is the only time that the key is shown.")


def _show_key(key: Key, *, as_json: bool) -> None:
    show_facts(key_facts(key) if as_json else _told(key), as_json=as_json)


def _told(key: Key) -> dict[str, Any]:
    """Say of a key what is set, for people."""
    facts = {n: v for n, v in key_facts(key).items() if v not in (None, "", [], {}, False)}
    if key.tags:
        facts["tags"] = [f"{name}={value}" for name, value in key.tags.items()]
    return facts
