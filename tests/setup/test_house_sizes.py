"""A function fits on a screen and a file in a sitting, or it has more than one reason."""

import ast
from pathlib import Path

import pytest

HOUSE = Path(__file__).parents[2]
ROOMS = ["bench", "dashboards", "demo", "pricing", "proxy"]
FUNCTION_LINES_MAX = 40
FILE_LINES_MAX = 300
CODE = {".css", ".html", ".js", ".py", ".sh", ".sql"}

# What may be longer, and why.
EXCEPTIONS = {
    "proxy/ledger/migrations/versions/v0001_first_tables.py": "the first schema, as generated",
}


def files(room: str) -> list[Path]:
    found = sorted(p for p in (HOUSE / room).rglob("*") if p.suffix in CODE)
    assert found
    return [path for path in found if str(path.relative_to(HOUSE)) not in EXCEPTIONS]


def lines(text: str) -> int:
    return len(text.splitlines())


@pytest.mark.parametrize("room", ROOMS)
def test_no_file_is_longer_than_it_may_be(room: str) -> None:
    sizes = {str(path): lines(path.read_text(encoding="utf-8")) for path in files(room)}
    assert {name: size for name, size in sizes.items() if size > FILE_LINES_MAX} == {}


@pytest.mark.parametrize("room", ROOMS)
def test_no_function_is_longer_than_it_may_be(room: str) -> None:
    long = {
        f"{path}:{node.lineno} {node.name}": size
        for path in files(room)
        if path.suffix == ".py"
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (size := (node.end_lineno or 0) - node.lineno + 1) > FUNCTION_LINES_MAX
    }
    assert long == {}


def test_an_exception_is_still_one() -> None:
    for name in EXCEPTIONS:
        assert (HOUSE / name).exists()
