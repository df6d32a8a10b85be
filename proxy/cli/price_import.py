"""`farebox prices import`: a new version out of what is published now, with a diff to approve."""

import re
import sys
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Annotated, Final

import httpx
import typer

from pricing import BUNDLED, NoTable, PriceBook, PriceTable, TableError, load_table, load_tables
from pricing import diff as differences
from proxy.cli.arguments import Json, moment, settings_of
from proxy.cli.back_dated import say_back_dated
from proxy.cli.ledger import actor, opened
from proxy.cli.output import FINDING, WRONG_USAGE, CommandError, say, show_table, unwritable
from proxy.cli.prices import CHANGES, change_cells
from proxy.clock import now_us
from proxy.instants import instant
from proxy.ledger import versions
from proxy.ledger.store import Store
from proxy.ledger.versions import VersionClash
from proxy.reports import price_import
from proxy.reports.price_import import Imported
from proxy.reports.price_sources import UnknownShape, UnreadablePrice, read
from proxy.settings.values import starred

BYTES_MAX: Final = 32 << 20
TIMEOUT_S: Final = 30


def import_prices(
    context: typer.Context,
    source: Annotated[str, typer.Argument(help="File or URL: TOML, dataset, feed or plain CSV.")],
    *,
    version: Annotated[str | None, typer.Option(help="Its name; today's date.")] = None,
    effective_from: Annotated[str | None, typer.Option(help="From when on; now.")] = None,
    until: Annotated[str | None, typer.Option(help="When a promotion ends again.")] = None,
    out: Annotated[Path | None, typer.Option(help="Write the version here too.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Store it without asking.")] = False,
    as_json: Json = False,
) -> None:
    """Make a price version from published prices; show what changes; store it if approved."""
    settings_of(context)
    text = _fetched(source)
    starts = moment(effective_from) if effective_from else instant(now_us()).replace(microsecond=0)
    with opened(context, make=True) as store:
        book = versions.book(store.session)
        made = _made(text, book, version, starts, source)
        base = _base(book, made.table)
        if out is not None:
            _write(out, made.table.text)
        _say_skipped(made)
        show_table(CHANGES, map(change_cells, differences(base, made.table)), as_json=as_json)
        tables = [made.table, *(_ends(book, base, made.table, moment(until)) if until else [])]
        if not _differs(store, book, base, made.table):
            return
        if not (yes or _approved(made.table)):
            say("nothing was stored; --yes stores it")
            raise typer.Exit(FINDING)
        for name in _stored(store, versions.add(tables, actor=actor())):
            say(f"stored version {name}")
            say_back_dated(store.session, name)


def _differs(store: Store, book: PriceBook, base: PriceTable, table: PriceTable) -> bool:
    """Say whether there is anything to store, and where not, or not quite, why.

    Raises:
        CommandError: the ledger holds a version that it clashes with.
    """
    if not _stored(store, versions.new([table])):
        say(f"version {table.version} is stored already")
        return False
    if any(table.version == each.version for each in book.versions):
        say(f"version {table.version} is stored with another text, and priced nothing yet")
        return True
    if price_import.sells_the_same(base, table):
        say(f"nothing differs from {base.version}")
        return False
    if not differences(base, table):
        say("no price changes, but names, list prices or how an order is read")
    return True


def _stored(store: Store, change: Callable[[Store], list[str]]) -> list[str]:
    try:
        return store.transact(change)
    except VersionClash as error:
        raise CommandError(str(error)) from error


def _say_skipped(made: Imported) -> None:
    counted = Counter((each.model, each.why) for each in made.skipped)
    for (model, why), count in counted.items():
        say(f"not taken: {model} {why}" + (f" ({count} prices)" if count > 1 else ""))


def _ends(book: PriceBook, base: PriceTable, table: PriceTable, end: datetime) -> list[PriceTable]:
    """Make the version that ends a promotion: what it was before, from then on.

    Raises:
        CommandError: it ends before it starts, or another version starts while it lasts.
    """
    starts, others = table.effective_from, _without(book, table.version).versions
    if end <= starts:
        why = f"--until {end.isoformat()} is not after the start, {starts.isoformat()}"
        raise CommandError(why, code=WRONG_USAGE)
    for each in others:
        if starts < each.effective_from < end:
            raise CommandError(
                f"version {each.version} starts on {each.effective_from.isoformat()}, before the"
                " promotion ends: let it end then, and import another one for the rest"
            )
    if any(each.effective_from == end for each in others):
        return []  # which ends it
    name = _fresh(PriceBook([*others, table]), end)
    return [price_import.again(base, version=name, effective_from=end)]


def _fetched(source: str) -> str:
    try:
        if _is_address(source):
            return _downloaded(source)
        return Path(source).read_text(encoding="utf-8-sig")
    except httpx.HTTPStatusError as error:  # its own words repeat the address
        raise CommandError(f"{_named(source)}: status {error.response.status_code}") from error
    except httpx.HTTPError as error:
        raise CommandError(f"{_named(source)}: {error}") from error
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or error
        raise CommandError(f"{_named(source)}: {why}", code=WRONG_USAGE) from error


def _named(source: str) -> str:
    """Name a source as others may read it: an address may hold a password, or be signed."""
    return starred(re.split("[?#]", source)[0]) if _is_address(source) else source


def _is_address(source: str) -> bool:
    return source.startswith(("http://", "https://"))


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise unwritable(path, error) from error


def _downloaded(url: str) -> str:
    found = bytearray()
    with httpx.stream("GET", url, timeout=TIMEOUT_S, follow_redirects=True) as answer:
        answer.raise_for_status()
        for chunk in answer.iter_bytes():
            found += chunk
            if len(found) > BYTES_MAX:
                raise CommandError(f"{_named(url)}: more than {BYTES_MAX >> 20} MiB")
    return found.decode("utf-8-sig")


def _base(book: PriceBook, table: PriceTable) -> PriceTable:
    """Find the version that a new one follows, which is not the one that it replaces."""
    return _in_force(book, table.version, table.effective_from)


def _in_force(book: PriceBook, replaced: str, when: datetime) -> PriceTable:
    """Find what is in force at an instant but for one version; at worst the bundled one."""
    try:
        return _without(book, replaced).at(when)
    except NoTable:
        return load_tables(BUNDLED).versions[-1]


def _without(book: PriceBook, version: str) -> PriceBook:
    return PriceBook(each for each in book.versions if each.version != version)


def _made(
    text: str, book: PriceBook, version: str | None, starts: datetime, source: str
) -> Imported:
    try:
        if source.endswith(".toml"):
            return Imported(load_table(text, name=_named(source)), ())
        name = version or _fresh(book, starts)
        return price_import.build(
            _in_force(book, name, starts), read(text), version=name, effective_from=starts,
            source=f"imported from {_named(source)}",
        )  # fmt: skip
    except UnknownShape as error:
        raise CommandError(f"{_named(source)}: {error}", code=WRONG_USAGE) from error
    except UnreadablePrice as error:
        place = _named(source) if error.line is None else f"{_named(source)}:{error.line}"
        raise CommandError(f"{place}: {error}; nothing was stored") from error
    except TableError as error:
        raise CommandError(str(error)) from error


def _fresh(book: PriceBook, starts: datetime) -> str:
    """Name a version after its day; after its minute too where that is taken."""
    taken = {table.version for table in book.versions}
    day = f"{starts:%Y-%m-%d}"
    return day if day not in taken else f"{starts:%Y-%m-%dT%H%M%S}"


def _approved(table: PriceTable) -> bool:
    if not sys.stdin.isatty():
        return False
    return typer.confirm(f"Store version {table.version}, from {table.effective_from} on?")
