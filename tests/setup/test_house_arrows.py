"""Arrows point down: rules know no machinery, and what is below knows nothing of what is above."""

import ast
import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

HOUSE = Path(__file__).parents[2]

# Decides and does nothing else: no network, disk, clock, chance or environment.
PURE = (
    "pricing.afford", "pricing.errors", "pricing.lines", "pricing.money", "pricing.order",
    "pricing.parse", "pricing.providers", "pricing.quote", "pricing.rates", "pricing.resolution",
    "pricing.sale", "pricing.table",
    "proxy.answers", "proxy.budget", "proxy.charge", "proxy.directory", "proxy.door",
    "proxy.errors", "proxy.headers", "proxy.instants", "proxy.keys", "proxy.order", "proxy.outline",
    "proxy.places", "proxy.poll_urls", "proxy.prices", "proxy.public_base", "proxy.question",
    "proxy.recent", "proxy.refusal", "proxy.routes", "proxy.scan", "proxy.structure",
    "proxy.usual", "proxy.version", "proxy.words", "proxy.doctor.finding",
    "proxy.doctor.setting", "proxy.edge.head", "proxy.edge.refusals", "proxy.edge.target",
    "proxy.ledger.difference", "proxy.ledger.fare", "proxy.ledger.known", "proxy.ledger.refusals",
    "proxy.ledger.view", "proxy.ledger.operation",
    "proxy.ledger.settlement", "proxy.ledger.reserve", "proxy.ledger.outcomes",
    "proxy.ledger.portions", "proxy.notify.rules", "proxy.page.session",
    "proxy.reports.capabilities", "proxy.reports.corrections", "proxy.reports.explain",
    "proxy.reports.focus", "proxy.reports.layout", "proxy.reports.makers", "proxy.reports.periods",
    "proxy.reports.price_import", "proxy.reports.price_sources", "proxy.upstream.body",
    "proxy.upstream.errors", "proxy.upstream.head", "proxy.upstream.origin",
    "proxy.upstream.parser", "proxy.upstream.reader", "proxy.upstream.request",
)  # fmt: skip
HARMLESS = {
    "base64", "binascii", "bisect", "collections", "csv", "dataclasses", "datetime", "decimal",
    "difflib", "email", "enum", "functools", "hashlib", "hmac", "http", "importlib", "io",
    "ipaddress", "itertools", "json", "math", "operator", "re", "string", "tomllib", "typing",
    "unicodedata", "urllib", "zlib", "zoneinfo",
}  # fmt: skip
# What a pure module takes beyond that, and why it may.
ALSO = {
    "proxy.doctor.setting": {"proxy.settings"},  # the settings themselves are what it judges
    "proxy.reports.focus": {"proxy.reports.sheets"},  # the names of the kinds of columns
    "proxy.keys": {"secrets"},  # a new secret is chance, and nothing else
    "proxy.page.session": {"secrets"},  # so is a sign-in's id
    "proxy.upstream.parser": {"httptools"},  # bytes in, calls out
}
IMPURE_CALLS = {"input", "now", "open", "print", "today", "utcnow"}

# From the ground up. What stands in one row is one floor; within it there are no circles.
FLOORS = (
    ("pricing", "pricing.*"),
    ("answers", "budget", "charge", "clock", "directory", "door", "errors", "gathered", "headers",
    "instants", "keys", "one_look", "order", "outline", "poll_urls", "prices", "private_memory",
     "processes", "public_base", "question", "recent", "refusal", "routes", "scan", "structure",
     "usual", "version", "words"),
    ("edge", "exposition", "ledger", "metrics", "series_file", "settings", "shared_polls",
     "strangers", "upstream"),
    ("bodies", "call", "counted", "doctor", "fares", "money_metrics", "newest", "newest_prices",
    "places", "quoting", "received", "reports", "server", "summed", "tallies", "writable"),
    ("assay", "logs", "metrics_reference", "notify", "pages", "passing", "repeats", "room",
    "scrape", "scribe", "scribe_line", "scribing", "traffic"),
    ("crossing", "deciding", "heads", "reconciler"),
    ("own", "polling", "relay"),
    ("admin",),
    ("cli", "page"),
    ("__main__", "app"),
)  # fmt: skip

# The rooms that know nothing of each other, though they stand on one floor.
STRANGERS = ("edge", "ledger", "metrics", "settings", "upstream")

# What is used in one place, so that it can be changed in one place.
OWNERS = {
    "alembic": ("proxy.ledger.*",),
    "httptools": ("proxy.edge.*", "proxy.upstream.*"),
    "httpx": ("proxy.cli.price_import", "proxy.doctor.upstream", "proxy.notify.*",
              "proxy.upstream.transport"),
    "jinja2": ("proxy.admin.pages", "proxy.page.*"),
    "prometheus_client": ("proxy.app", "proxy.edge.workers", "proxy.exposition", "proxy.metrics",
                          "proxy.metrics_reference", "proxy.money_metrics", "proxy.scribing",
                          "proxy.series_file", "proxy.summed"),
    "psycopg": ("proxy.ledger.*",),
    "pyarrow": ("proxy.reports.sheets",),
    "rich": ("proxy.cli.*",),
    "sqlalchemy": ("proxy.ledger.*", "proxy.notify.*", "proxy.reports.models"),
    "sqlite3": ("proxy.cli.upkeep", "proxy.ledger.*", "proxy.reports.workbench"),
    "sqlmodel": ("proxy.ledger.*", "proxy.notify.*", "proxy.reports.models"),
    "typer": ("proxy.cli.*",),
    "uvicorn": ("proxy.edge.*", "proxy.server"),
}  # fmt: skip
CLOCK = {"now", "time", "time_ns", "today", "utcnow"}
WRITES = re.compile(
    r"(INSERT INTO|UPDATE|DELETE FROM)\s+(balances|charges|entries|replays|seals|spend|totals)\b"
)


@cache
def modules() -> dict[str, ast.Module]:
    found = {}
    for room in ("pricing", "proxy"):
        for path in sorted((HOUSE / room).rglob("*.py")):
            name = ".".join(path.relative_to(HOUSE).with_suffix("").parts)
            tree = ast.parse(path.read_text(encoding="utf-8"))
            found[name.removesuffix(".__init__")] = tree
    return found


@cache
def imports(module: str) -> frozenset[str]:
    """What a module names in its imports; what a package hands on, by where it comes from."""
    found = set()
    for node in ast.walk(modules()[module]):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {_home(str(node.module), alias.name) for alias in node.names}
    return frozenset(found)


def _home(module: str, name: str) -> str:
    if f"{module}.{name}" in modules():
        return f"{module}.{name}"
    for node in modules()[module].body if module in modules() else ():
        if isinstance(node, ast.ImportFrom) and name in {alias.name for alias in node.names}:
            return _home(str(node.module), name)
    return module


def calls(module: str) -> Iterator[tuple[str, str]]:
    """Every call by name: of what, and which."""
    for node in ast.walk(modules()[module]):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            yield ast.unparse(node.func.value), node.func.attr
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            yield "", node.func.id


def floor(module: str) -> int:
    bare = module.removeprefix("proxy.")
    for number, rooms in enumerate(FLOORS):
        if any(fnmatchcase(bare, room) or bare.startswith(f"{room}.") for room in rooms):
            return number
    raise AssertionError(f"{module} has no floor yet: give it one in FLOORS")


def owned(module: str, places: tuple[str, ...]) -> bool:
    return any(fnmatchcase(module, place) for place in places)


@pytest.mark.parametrize("module", PURE)
def test_a_pure_module_imports_nothing_impure(module: str) -> None:
    also = ALSO.get(module, set())
    for name in imports(module):
        if name in modules():
            assert name in PURE or any(name.startswith(room) for room in also), name
        else:
            assert name.partition(".")[0] in HARMLESS | also, name


@pytest.mark.parametrize("module", PURE)
def test_a_pure_module_asks_neither_disk_nor_clock(module: str) -> None:
    assert {name for _, name in calls(module)} & IMPURE_CALLS == set()


def test_what_calls_itself_pure_is_held_to_it() -> None:
    claims = {
        name
        for name, tree in modules().items()
        if re.search(r"\bpure\b", ast.get_docstring(tree) or "", re.IGNORECASE)
    }
    packages = {name for name in claims if any(m.startswith(f"{name}.") for m in modules())}
    assert claims - packages <= set(PURE)


@pytest.mark.parametrize("module", sorted(set(modules()) - {"proxy"}))
def test_no_module_imports_from_a_floor_above(module: str) -> None:
    above = {name for name in imports(module) & modules().keys() if floor(name) > floor(module)}
    assert above == set()


def test_no_imports_run_in_a_circle() -> None:
    graph = {name: imports(name) & modules().keys() - {name} for name in modules()}
    assert len(list(TopologicalSorter(graph).static_order())) == len(modules())


@pytest.mark.parametrize("room", STRANGERS)
def test_the_rooms_beside_each_other_do_not_know_each_other(room: str) -> None:
    others = tuple(f"proxy.{other}" for other in STRANGERS if other != room)
    for module in modules():
        if module == f"proxy.{room}" or module.startswith(f"proxy.{room}."):
            known = {name for name in imports(module) if name.startswith(others)}
            assert known == set(), module


@pytest.mark.parametrize("library", OWNERS)
def test_a_library_is_used_where_it_belongs(library: str) -> None:
    users = {
        module
        for module in modules()
        if any(name.partition(".")[0] == library for name in imports(module))
    }
    assert users
    assert {module for module in users if not owned(module, OWNERS[library])} == set()


def test_one_module_reads_the_clock() -> None:
    readers = {
        module
        for module in modules()
        for of, name in calls(module)
        if name in CLOCK and of in {"time", "datetime", "date"}
    }
    assert readers == {"proxy.clock", "proxy.logs"}  # a log line names its moment in words


def test_only_the_ledger_writes_money() -> None:
    writers = {name for name, tree in modules().items() if WRITES.search(ast.unparse(tree))}
    assert {name for name in writers if not name.startswith("proxy.ledger")} == set()
    assert writers
