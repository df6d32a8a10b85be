"""The ledger: its clock, its zone, who writes to it, its prices, its budgets."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Final

from pricing import PriceBook, PriceTable, usd
from proxy.budget import EVERYTHING
from proxy.clock import now_us
from proxy.directory import REVOKED, Directory, Key, Team
from proxy.doctor.finding import Finding, ok, problem
from proxy.door import Purse
from proxy.instants import epoch_us, instant
from proxy.ledger.session import Session
from proxy.ledger.store import Store

OLD_DAYS: Final = 120  # GPT Proto has changed prices about every quarter
CLOCK_MAX_S: Final = 5
DAY_US: Final = 86_400_000_000
ANYBODY: Final = Key("", "")


def look_at_prices(book: PriceBook, at_us: int) -> Finding:
    """Look whether a price table is in force, and how old it is."""
    started = [t for t in book.versions if epoch_us(t.effective_from) <= at_us]
    if not started:
        return problem("price table", "no price table is in force: every submit is refused")
    newest = started[-1]
    days = (at_us - epoch_us(newest.effective_from)) // DAY_US
    if days > OLD_DAYS:
        return problem(
            "price table",
            f"version {newest.version} is {days} days old: compare it "
            "with the upstream's pages, and see farebox prices import",
        )
    return ok("price table", f"version {newest.version}, {days} days old")


def look(store: Store, wanted_zone: str, book: PriceBook) -> Iterator[Finding]:
    """Look at what the ledger holds."""
    now = store.session.now_us()
    yield _clock(now)
    yield _zone(store, wanted_zone, now)
    yield _hosts(store.session)
    yield from _budgets(store, book, now)


def _clock(ledger_us: int) -> Finding:
    apart_s = abs(ledger_us - now_us()) / 1e6
    if apart_s > CLOCK_MAX_S:
        return problem(
            "clock",
            f"this host and the database are {apart_s:.0f} s apart: switch on "
            "time synchronisation on both",
        )
    return ok("clock", f"the ledger says {instant(ledger_us).isoformat(timespec='seconds')}")


def _zone(store: Store, wanted: str, now: int) -> Finding:
    zone = store.directory.zone
    if store.meta("zone") is not None and (zone.then or zone.name) != wanted:
        return problem(
            "zone",
            f"the ledger counts days in {zone.at(now)}, FAREBOX_TIMEZONE here "
            f"says {wanted}: set the same on every node",
        )
    return ok("zone", f"the ledger counts days in {zone.at(now)}")


def _hosts(session: Session) -> Finding:
    if session.dialect != "sqlite":
        return ok("one host", "PostgreSQL may be shared by many")
    found = session.rows("SELECT owner FROM charges WHERE owner<>'' ORDER BY id DESC LIMIT 500")
    if names := taking_turns([owner.rsplit(":", 2)[0] for (owner,) in found]):
        return problem(
            "one host",
            f"{', '.join(names)} write to one SQLite file in turns: its "
            "locks do not bind two hosts; use PostgreSQL",
        )
    return ok("one host", "one host writes to it")


def look_at_payers(directory: Directory, purse: Purse) -> Iterator[Finding]:
    """Look for Farebox keys that nobody pays for."""
    unpaid = [key for key in _living(directory) if not key.own and purse.pays(key) is None]
    if named := sorted({key.upstream_key_env for key in unpaid} - {""}):
        yield problem(
            "upstream key",
            f"keys name {', '.join(named)}, which is not set here: they are answered 503",
        )
    if shared := [key.name for key in unpaid if not key.upstream_key_env]:
        yield problem(
            "upstream key",
            f"there are Farebox keys ({', '.join(shared[:3])}{' …' if shared[3:] else ''}), but"
            " FAREBOX_UPSTREAM_KEY is unset: they are answered 503",
        )


def taking_turns(hosts: Sequence[str]) -> list[str]:
    """Name the hosts that come back after another one wrote; one that only took over does not."""
    turns = [host for host, _ in groupby(hosts)]
    return sorted({host for host in turns if turns.count(host) > 1})


def _budgets(store: Store, book: PriceBook, now: int) -> Iterator[Finding]:
    directory, table = store.directory, book.at(instant(now))
    found = [_key_budget(table, key, directory.day_limit(key, "")) for key in _living(directory)]
    found += [_team_budget(table, team) for team in directory.teams.values()]
    default = directory.default_daily_micros
    found.append(_too_small(table, ANYBODY, "FAREBOX_DEFAULT_DAILY_BUDGET_USD", default))
    told = [finding for finding in found if finding is not None]
    yield from told or [ok("budget", "every budget buys at least one image of most models")]


def _living(directory: Directory) -> Iterator[Key]:
    return (key for key in directory.keys.values() if key.state != REVOKED)


def _key_budget(table: PriceTable, key: Key, day_micros: int | None) -> Finding | None:
    """Look at the tightest thing that binds a key by itself."""
    own = (day_micros, key.monthly_micros, key.max_price_micros)
    return _too_small(table, key, f"key '{key.name}'", _least(own))


def _team_budget(table: PriceTable, team: Team) -> Finding | None:
    whose = "the installation" if team.name == EVERYTHING else f"team '{team.name}'"
    return _too_small(table, ANYBODY, whose, _least((team.daily_micros, team.monthly_micros)))


def _least(limits: Iterable[int | None]) -> int | None:
    return min((each for each in limits if each is not None and each >= 0), default=None)


def _too_small(table: PriceTable, key: Key, whose: str, limit: int | None) -> Finding | None:
    """Compare a limit with one image of most of the models that a key may use."""
    prices = sorted(_cheapest(table, key))
    if not prices:
        return problem("budget", f"{whose} may use no model that the price table sells")
    usual = prices[len(prices) // 2]
    if limit is None or limit >= usual:
        return None
    return problem(
        "budget",
        f"{whose} may spend {usd(limit)} USD: less than one image of most models"
        f" ({usd(usual)}), so most calls are refused",
    )


def _cheapest(table: PriceTable, key: Key) -> Iterator[int]:
    """Yield what the cheapest image of each model costs that a key may use."""
    for model in table.models.values():
        sold = [r.usd_micros for r in model.rates if key.allows(model.id, r.resolution)]
        if sold:
            yield min(sold)
