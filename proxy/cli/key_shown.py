"""A key as a terminal shows it."""

from collections.abc import Sequence
from typing import Any, Final

from pricing import BUNDLED, load_tables, usd
from proxy.admin.shown import key_facts
from proxy.admin.unsold import unsold
from proxy.budget import KEY
from proxy.cli.output import say, show_facts
from proxy.directory import Key
from proxy.ledger.reader import where_stands
from proxy.ledger.store import Store
from proxy.ledger.versions import book

COLUMNS: Final = (
    "name", "team", "state", "mode", "limit_usd", "spent_usd", "reserved_usd", "remaining_usd",
    "expires_at", "id",
)  # fmt: skip


def row_of(store: Store, key: Key) -> dict[str, Any]:
    """Say of a key all there is, and where its own day stands."""
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


def show_key(key: Key, *, as_json: bool) -> None:
    """Print a key: all of it as JSON, what is set for people."""
    show_facts(key_facts(key) if as_json else told(key), as_json=as_json)


def told(key: Key) -> dict[str, Any]:
    """Say of a key what is set, for people."""
    facts = {n: v for n, v in key_facts(key).items() if v not in (None, "", [], {}, False)}
    if key.tags:
        facts["tags"] = [f"{name}={value}" for name, value in key.tags.items()]
    return facts


def warn_of_models(store: Store, models: Sequence[str], *, of: str = "") -> None:
    """Say so where an allow-list that was saved names what no price table sells."""
    if not models:
        return
    tables = book(store.session).versions or load_tables(BUNDLED).versions
    for doubt in unsold(tables, models):
        say(f"warning: {of}saved as asked, but {doubt}")
