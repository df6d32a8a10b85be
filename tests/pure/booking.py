"""A ledger of one transaction, in memory: what operations do, with no database below."""

from dataclasses import replace
from typing import Any

from pricing import Micros, Quote
from proxy.budget import Zone
from proxy.directory import Directory, Key, Team
from proxy.ledger.fare import Fare
from proxy.ledger.reserve import Reserve
from proxy.ledger.view import View

QUARTER = 1_960_000  # of an hour, since 1970: the one in which all of this happens
NOW_US = QUARTER * 900_000_000 + 1_000_000  # 2025-11-24 UTC, a Monday
DAY, MONTH = "2025-11-24", "2025-11"
WEB = Key("k1", "web", team="blue")
QUOTE = Quote(
    model="banana",
    called="google/banana",
    resolution="1K",
    task="edit",
    images=2,
    unit_micros=Micros(100),
    list_unit_micros=Micros(150),
    version="2026-09-25",
    status="published",
    assumed=False,
    images_mode="n",
)


def directory(*keys: Key, teams: tuple[Team, ...] = (), **facts: Any) -> Directory:
    facts = {"zone": Zone("UTC"), "default_daily_micros": None, **facts}
    return Directory(
        revision=1,
        keys={key.id: key for key in keys},
        teams={team.name: team for team in teams},
        **facts,
    )


def empty(*keys: Key, **facts: Any) -> View:
    """Begin a transaction in which nothing happened yet."""
    return View(NOW_US, directory(*(keys or (WEB,)), **facts))


def order(quote: Quote | None = QUOTE, key: Key = WEB, **facts: Any) -> Reserve:
    facts = {"charge_id": "fb_1", "account": "shared", "surface": "path", "owner": "n1", **facts}
    return Reserve(key=key, price=lambda _: quote, **facts)


def held(quote: Quote | None = QUOTE, **facts: Any) -> tuple[View, Fare]:
    """Open a transaction on a fare that an earlier one reserved, and that a node has on lease."""
    view = empty()
    fare = order(quote, **facts).apply(view).fare
    fare.lease_owner, fare.lease_us, fare.due_us = "n2", 5, 7
    return after(view), fare


def after(view: View) -> View:
    """Begin the next transaction, a second later, on what is there."""
    return View(view.now_us + 1_000_000, view.directory, view.fares, view.balances)


def balances(view: View) -> dict[tuple[str, str], tuple[int, int]]:
    """Settled and reserved money by scope and period."""
    return {(scope, at): (had[0], had[1]) for (scope, _, at), had in view.balances.items()}


def everywhere(settled: int, reserved: int) -> dict[tuple[str, str], tuple[int, int]]:
    """What the balances are when the one fare lies in all of them."""
    scopes = ("key:k1", "team:blue", "installation")
    return {(scope, at): (settled, reserved) for scope in scopes for at in (DAY, MONTH)}


def sold_as(**facts: Any) -> Quote:
    return replace(QUOTE, **facts)
