"""One fault, one process: it is seen if a test fails there. No file is ever changed.

A fault within a function is put into a fork of a process that has collected the tests: the
function gets other code. A fault elsewhere, and one that went unseen so far, is put into a fork
that has the libraries loaded and none of our own modules: it imports them with the fault in.
"""

import functools
import gc
import json
import os
import resource
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.metadata import entry_points
from importlib.util import spec_from_file_location
from itertools import islice, zip_longest
from pathlib import Path
from types import CodeType, FunctionType

import pytest
from hypothesis import Phase, settings

from tests.mutation.bench import LATE, SEEN, UNFIT, UNKNOWN, UNSEEN, Bench, Note, Seconds, Verdict
from tests.mutation.mutants import Mutant

LIBRARIES = ("httptools", "sqlmodel", "alembic.command", "starlette.applications", "uvicorn")
MEMORY_MAX = 4 << 30  # bytes: a fault may loop and hoard
NOTHING = Mutant("", 0, lambda: None)


def preload() -> None:
    """Import whatever is not ours and takes long; properties look at the same cases each time."""
    for plugin in entry_points(group="pytest11"):
        plugin.load()
    for name in LIBRARIES:
        __import__(name)
    settings.register_profile(
        "steady",
        derandomize=True,
        database=None,
        max_examples=60,
        phases=[Phase.explicit, Phase.generate],
    )
    settings.load_profile("steady")
    gc.freeze()


def afresh(bench: Bench, found: list[Mutant]) -> dict[str, Verdict]:
    """Judge faults by importing the module with each of them; without one the tests must pass."""
    if not found:
        return {}

    def run(mutant: Mutant) -> int:
        mutant.make()
        sys.meta_path.insert(0, _Finder(bench.path, bench.code()))
        return UNSEEN if bench.pytest() == pytest.ExitCode.OK else SEEN

    _must_pass(bench, _without(bench, run))
    return dict(_judged(bench, found, run))


def in_place(bench: Bench, found: list[Mutant]) -> dict[str, Verdict]:
    """Judge faults within functions, in forks of one process that has collected the tests."""
    told = bench.temp / "verdicts.json"
    told.unlink(missing_ok=True)
    child = os.fork()
    if not child:
        _ending(lambda: bench.pytest(_Loop(bench, found, told)))
    os.waitpid(child, 0)
    shutil.rmtree(bench.temp / str(child), ignore_errors=True)
    if not told.exists():
        _must_pass(bench, Verdict(SEEN, bench.note.read()))
    verdicts = {name: Verdict(*each) for name, each in json.loads(told.read_text()).items()}
    _must_pass(bench, verdicts.pop(NOTHING.name))
    return verdicts


def _must_pass(bench: Bench, verdict: Verdict) -> None:
    """Give up where a test fails without a fault: it would see every fault."""
    if verdict.code != UNSEEN:
        which = f": {verdict.by}" if verdict.by else ""
        sys.exit(f"{bench.path}: its tests fail without any fault{which}")


class _Loop:
    """In the place of pytest's own loop over the tests: the loop once for every fault."""

    def __init__(self, bench: Bench, found: list[Mutant], told: Path) -> None:
        self.bench, self.found, self.told = bench, found, told

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        _passes(session, 1)  # so that what a session sets up is there for every fork
        functions = _functions(self.bench.path)

        def run(mutant: Mutant) -> int:
            mutant.make()
            fits = mutant is NOTHING or _put(self.bench.code(), functions)
            return _forked(session, self.bench.own()) if fits else UNFIT

        verdicts = {NOTHING.name: _without(self.bench, run)}
        if verdicts[NOTHING.name].code == UNSEEN:
            verdicts |= _judged(self.bench, self.found, run)
        self.told.write_text(json.dumps(verdicts))
        return True


def _forked(session: pytest.Session, own: Path) -> int:
    """Run the tests in a fork, in its own directory: pytest empties the one it starts to use."""
    factory = getattr(session.config, "_tmp_path_factory")  # noqa: B009 - it has no other name
    factory._given_basetemp, factory._basetemp = own, None  # noqa: SLF001 - the same
    return _passes(session)


def _passes(session: pytest.Session, items_max: int | None = None) -> int:
    for item, after in islice(zip_longest(session.items, session.items[1:]), items_max):
        session.config.hook.pytest_runtest_protocol(item=item, nextitem=after)
        if session.testsfailed:
            return SEEN
    return UNSEEN


def _functions(path: Path) -> dict[tuple[str, int], list[FunctionType]]:
    """Find the functions of a module, and forget what they remember."""
    found: dict[tuple[str, int], list[FunctionType]] = {}
    for each in gc.get_objects():
        if isinstance(each, functools._lru_cache_wrapper):  # noqa: SLF001 - it has no other name
            each.cache_clear()
        elif isinstance(each, FunctionType) and each.__code__.co_filename == str(path.resolve()):
            found.setdefault(_name(each.__code__), []).append(each)
    return found


def _put(code: CodeType, functions: dict[tuple[str, int], list[FunctionType]]) -> bool:
    """Give every function its code of this compilation; one within another comes along."""
    for each in code.co_consts:
        if not isinstance(each, CodeType) or not _put(each, functions):
            continue
        for function in functions.get(_name(each), []):
            if each.co_freevars != function.__code__.co_freevars:
                return False
            function.__code__ = each
    return True


def _name(code: CodeType) -> tuple[str, int]:
    return code.co_qualname, code.co_firstlineno


def _without(bench: Bench, run: Callable[[Mutant], int]) -> Verdict:
    """Run the tests without a fault, to learn how long they take on this machine as it is now."""
    bench.took = UNKNOWN
    ((_, verdict, bench.took),) = _each(bench, [NOTHING], run)
    return verdict


def _judged(
    bench: Bench, found: Iterable[Mutant], run: Callable[[Mutant], int]
) -> Iterator[tuple[str, Verdict]]:
    for mutant, verdict, _ in _each(bench, found, run):
        yield mutant.name, verdict


def _each(
    bench: Bench, found: Iterable[Mutant], run: Callable[[Mutant], int]
) -> Iterator[tuple[Mutant, Verdict, Seconds]]:
    """Run each fault in a fork, a few at a time."""
    running: dict[int, tuple[Mutant, Note, float]] = {}
    waiting = iter(found)
    while True:
        for mutant in islice(waiting, bench.jobs - len(running)):
            note, began = Note(), time.monotonic()
            if not (child := os.fork()):
                bench.note = note
                _bound(bench)
                _ending(functools.partial(run, mutant))
            running[child] = mutant, note, began
        if not running:
            return
        child, status, usage = os.wait4(-1, 0)
        shutil.rmtree(bench.temp / str(child), ignore_errors=True)
        mutant, note, began = running.pop(child)
        code = LATE if os.WIFSIGNALED(status) else os.waitstatus_to_exitcode(status)
        verdict = Verdict(code, note.read() if code in {SEEN, LATE} else "")
        took = Seconds(usage.ru_utime + usage.ru_stime, time.monotonic() - began)
        yield mutant, verdict, took


def _bound(bench: Bench) -> None:
    """End this process when it takes far longer than the tests do without a fault.

    What counts is the time of a processor, which a busy machine hardly moves; the clock on the
    wall ends what waits for nothing.
    """
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_MAX, MEMORY_MAX))
    signal.setitimer(signal.ITIMER_PROF, bench.patience * 2 * (1 + bench.took.cpu))
    signal.alarm(bench.patience * (60 + int(20 * bench.took.wall)))


def _ending(run: Callable[[], int]) -> None:
    """End this process with what a function says; whatever it raises was a fault that is seen."""
    silence = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(silence, stream)
    code = SEEN
    try:
        code = run()
    finally:
        os._exit(code)


class _Faulty(SourceFileLoader):
    """Loads one module from code that is given."""

    def __init__(self, name: str, path: str, code: CodeType) -> None:
        super().__init__(name, path)
        self.code = code

    def get_code(self, fullname: str) -> CodeType:  # noqa: ARG002 - a loader is asked by name
        return self.code


class _Finder(MetaPathFinder):
    def __init__(self, path: Path, code: CodeType) -> None:
        self.name, self.path = ".".join(path.with_suffix("").parts), str(path.resolve())
        self.loader = _Faulty(self.name, self.path, code)

    def find_spec(self, fullname: str, *_: object) -> ModuleSpec | None:
        if fullname != self.name:
            return None
        return spec_from_file_location(self.name, self.path, loader=self.loader)
