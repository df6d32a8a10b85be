"""The faults that are made, and that one that is made is seen."""

import ast
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.mutation.bench import LATE, SEEN, UNSEEN
from tests.mutation.mutants import mutants

HERE = Path(__file__).parent
HOUSE = HERE.parents[1]


def faults(code: str) -> list[str]:
    """Print what a piece of code becomes, one fault at a time."""
    found = []
    for number in range(len(list(mutants(ast.parse(code))))):
        tree = ast.parse(code)
        list(mutants(tree))[number].make()
        found.append(ast.unparse(ast.fix_missing_locations(tree)))
    return found


@pytest.mark.parametrize(
    ("code", "becomes"),
    [
        ("a < b", ["pass", "a <= b", "a >= b"]),
        ("a == b", ["pass", "a != b"]),
        ("a is None", ["pass", "a is not None"]),
        ("a and b", ["pass", "a or b", "b", "a"]),
        ("not a", ["pass", "a"]),
        ("x = a + b", ["x = a - b"]),
        ("x = 5", ["x = 6"]),
        ("x = True", ["x = False"]),
        ("x = 'a'", ["x = 'ax'"]),
        ("x = '[0-9]{1,3}'", ["x = '[0-9]{1,3}x'", "x = '[0-9]{1,4}'"]),
        ("x = {a, b}", ["x = {b}", "x = {a}"]),
        ("x = {a: b, c: d}", ["x = {c: d}", "x = {a: b}"]),
        ("x = f(a, b=c)", ["x = f(a)"]),
        ("x = min(a, b)", ["x = max(a, b)"]),
        ("x += a", ["x -= a", "pass"]),
        ("x.y = a", ["pass"]),
        ("raise a", ["pass"]),
        ("if a: raise b", ["if not a:\n    raise b", "if a:\n    pass"]),
        ("def f(): return a", ["def f():\n    return None"]),
    ],
)
def test_every_small_fault_is_made_once(code: str, becomes: list[str]) -> None:
    assert sorted(faults(code)) == sorted(becomes)


@pytest.mark.parametrize(
    "code",
    [
        "def f(a: 'int | None'=b) -> 'int':\n    'What it does.'",
        "x: int",
        "__all__ = ['a']",
        "x = cast('T', a)",
        "x = f'{a} of it'",
        "x = 'words for people'",
        "@cached(size=1)\ndef f(): pass",
        "T = tuple[int, str]",
        "x = field(repr=a)",
    ],
)
def test_types_decorators_and_words_for_people_are_left_alone(code: str) -> None:
    assert faults(code) == []


def test_a_fault_is_named_by_where_it_is_and_what_it_changes() -> None:
    code = "class A:\n    def f(self):\n        return self.a + 1 < 5\n"
    assert [(each.line, each.name) for each in mutants(ast.parse(code))][-1] == (
        3, "A.f: self.a + 1 < 5 -> self.a + 1 < 6",
    )  # fmt: skip


def test_what_is_planned_and_what_is_explained_are_modules_of_ours() -> None:
    plan = tomllib.loads((HERE / "plan.toml").read_text(encoding="utf-8"))
    planned = [name for part in plan["part"] for name in part["modules"]]
    assert len(planned) == len(set(planned))
    for name in planned:
        assert (HOUSE / name).is_file()
    reasons = tomllib.loads((HERE / "survivors.toml").read_text(encoding="utf-8"))
    assert reasons.keys() <= set(planned)
    assert all(why for names in reasons.values() for why in names.values())


JUDGING = """
from pathlib import Path
from tests.mutation.bench import Bench
from tests.mutation.judge import afresh, in_place
from tests.mutation.mutants import mutants
bench = Bench(Path("rule.py"), ["test_rule.py"], Path(), 1)
found = list(mutants(bench.tree))
inside = in_place(bench, [each for each in found if each.in_code])
told = (inside, afresh(bench, found))
print([sorted((name, *verdict) for name, verdict in each.items()) for each in told])
"""
IN_CODE = [
    ("fits: return n < LIMIT -> return None", SEEN, "test_rule.py::test_it"),
    ("fits: return n < LIMIT -> return n <= LIMIT", UNSEEN, ""),
    ("fits: return n < LIMIT -> return n >= LIMIT", SEEN, "test_rule.py::test_it"),
]


def judge(tmp_path: Path, tests: str, script: str = JUDGING) -> subprocess.CompletedProcess[str]:
    """Judge every fault of one rule by these tests."""
    (tmp_path / "rule.py").write_text("LIMIT = 4\ndef fits(n):\n    return n < LIMIT\n")
    (tmp_path / "test_rule.py").write_text(f"import os\nfrom rule import fits\n{tests}\n")
    return subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        env={"PYTHONPATH": f"{HOUSE}:{tmp_path}"},
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )


@pytest.mark.parametrize("right", [True, False])
def test_a_fault_is_told_from_none(tmp_path: Path, *, right: bool) -> None:
    wanted = "fits(3) and not fits(5)" if right else "fits(5)"
    told = judge(tmp_path, f"def test_it():\n    assert {wanted}")
    if right:
        outside = [(": LIMIT = 4 -> LIMIT = 5", UNSEEN, ""), *IN_CODE]
        assert told.stdout.strip() == str([IN_CODE, outside])
    else:
        fails = "rule.py: its tests fail without any fault: test_rule.py::test_it"
        assert told.stderr.strip() == fails


OWN_DIRECTORY = """
def test_nothing():
    pass
def test_it(tmp_path):
    assert tmp_path.parent.name == str(os.getpid())
    assert fits(3) and not fits(5)
"""


def test_a_fault_is_judged_in_a_directory_that_no_other_one_empties(tmp_path: Path) -> None:
    told = judge(tmp_path, OWN_DIRECTORY)
    assert told.stdout.startswith(f"[{IN_CODE}, "), told.stderr


SETTLING = """
import signal
from pathlib import Path
from tests.mutation import judge
from tests.mutation.bench import Bench
from tests.mutation.looks import settled
from tests.mutation.mutants import mutants
judge._bound = lambda bench: signal.setitimer(signal.ITIMER_PROF, bench.patience * 2)
bench = Bench(Path("rule.py"), ["test_rule.py"], Path(), 2)
found = list(mutants(bench.tree))
explained = {each.name for each in found if each.in_code}
verdicts, chance = settled(bench, found, %s)
for told in (verdicts, chance):
    print(sorted((name, *verdict) for name, verdict in told.items() if name in explained))
"""
BY_CHANCE = """
from pathlib import Path
def test_it():
    assert fits(3) and not fits(5)
def test_that_fails_once():
    if fits(4) and not Path("failed").exists():
        Path("failed").touch()
        raise AssertionError
"""
BY_THE_CLOCK = """
import time
def test_it():
    assert fits(3) and not fits(5)
def test_that_takes_long():
    while fits(4) and time.process_time() < 3:
        pass
"""


@pytest.mark.parametrize(
    ("tests", "explained", "code", "by"),
    [
        (BY_CHANCE, "explained", SEEN, "test_rule.py::test_that_fails_once"),
        (BY_THE_CLOCK, "set()", LATE, "test_rule.py::test_that_takes_long"),
    ],
)
def test_a_fault_that_is_seen_by_chance_is_unseen(
    tmp_path: Path, tests: str, explained: str, code: int, by: str
) -> None:
    told = judge(tmp_path, tests, SETTLING % explained)
    by_chance = [(IN_CODE[1][0], code, by)]
    assert told.stdout.splitlines() == [str(IN_CODE), str(by_chance)], told.stderr


def test_every_fault_in_a_module_is_seen() -> None:
    told = subprocess.run(
        [sys.executable, "-m", "tests.mutation", "proxy/instants.py", "--jobs", "1"],
        cwd=HOUSE,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert told.returncode == 0, told.stdout + told.stderr
    assert "0 explained, 0 unseen" in told.stdout
