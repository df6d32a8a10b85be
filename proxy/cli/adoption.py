"""`farebox keys adopt`: a team's own GPT Proto key gets a name and a budget."""

import sys
from typing import Annotated

import typer

from proxy.admin import changes
from proxy.admin.asked import Adoption
from proxy.cli.arguments import Json
from proxy.cli.key_options import Given, says_of_a_key
from proxy.cli.key_shown import row_of, show_key, warn_of_models
from proxy.cli.ledger import actor, asked, opened
from proxy.cli.output import WRONG_USAGE, CommandError, say, show_table
from proxy.keys import fingerprint as fingerprint_of
from proxy.keys import is_farebox
from proxy.ledger.registry import own_id
from proxy.ledger.store import Store

SHORT = 8  # digits of a fingerprint: nobody adopts so many keys that two begin alike


@says_of_a_key(but="upstream_key_env")
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
    name: Annotated[
        str | None,
        typer.Option(
            "--as",
            help="What it is called from now on; left out, adopted-12345678 by its fingerprint.",
        ),
    ] = None,
    given: Given,
    as_json: Json = False,
) -> None:
    """Name a team's own GPT Proto key and give it a budget, without storing the secret."""
    if fingerprint is None:
        _list_strangers(context, as_json=as_json)
        return
    mark = _read_secret() if fingerprint == "-" else fingerprint.lower()
    with opened(context, make=True) as store:
        said = {"fingerprint": mark, "name": name or _name_of(store, mark), **given}
        wanted = asked(Adoption, said, fingerprint="FINGERPRINT", name="--as")
        key = store.transact(changes.adopt(wanted, actor=actor()))
        warn_of_models(store, wanted.models or [])
    show_key(key, as_json=as_json)


def _name_of(store: Store, mark: str) -> str:
    """Keep the name of a key that has one; else make one that is told from another's at a look."""
    known = store.directory.keys.get(own_id(mark))
    return known.name if known is not None and known.adopted else f"adopted-{mark[:SHORT]}"


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
            (key.fingerprint, *(row_of(store, key)[c] for c in columns[1:]))
            for key in sorted(found, key=lambda key: key.fingerprint)
        ]
    if not rows:
        say("no caller with an own key is waiting to be adopted")
    show_table(columns, rows, as_json=as_json)
