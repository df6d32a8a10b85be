"""Mutation testing of the rules about money: `python -m tests.mutation [module …] [--jobs 2]`.

Every small fault in a module of `plan.toml` must be seen by its tests, or stand in
`survivors.toml` with the reason why no test can see it. Exits 0 only then.
"""

import argparse
import json
import os
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path

from tests.mutation.bench import LATE, UNSEEN, Bench, Verdict
from tests.mutation.judge import preload
from tests.mutation.looks import settled
from tests.mutation.mutants import mutants

HERE = Path(__file__).parent
HOUSE = HERE.parents[1]


def main() -> int:
    """Judge the modules that are asked for, one after the other."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutation")
    parser.add_argument("modules", nargs="*", help="paths of modules; left out: the whole plan")
    parser.add_argument("--jobs", type=int, default=2)
    asked = parser.parse_args()
    os.chdir(HOUSE)
    preload()
    reasons = tomllib.loads((HERE / "survivors.toml").read_text(encoding="utf-8"))
    bad = 0
    for path, tests in planned(asked.modules):
        with tempfile.TemporaryDirectory() as temp:
            bench = Bench(path, tests, Path(temp), asked.jobs)
            bad += judged(bench, reasons.get(str(path), {}))
    return int(bad > 0)


def planned(wanted: list[str]) -> Iterator[tuple[Path, list[str]]]:
    """Yield the modules of the plan with the arguments that make pytest run their tests."""
    plan = tomllib.loads((HERE / "plan.toml").read_text(encoding="utf-8"))
    for part in plan["part"]:
        for name in part["modules"]:
            if not wanted or name in wanted:
                yield Path(name), part["tests"]


def judged(bench: Bench, reasons: dict[str, str]) -> int:
    """Judge one module and say how it went; returns how many lines are to be looked at."""
    began = time.monotonic()
    found = list(mutants(bench.tree))
    verdicts, chance = settled(bench, found, set(reasons))
    alive = [mutant for mutant in found if verdicts[mutant.name].code == UNSEEN]
    late = [mutant for mutant in found if verdicts[mutant.name].code == LATE]
    unexplained = [mutant for mutant in alive if mutant.name not in reasons]
    gone = reasons.keys() - {mutant.name for mutant in alive}
    say(
        f"{bench.path}: {len(found)} faults, {len(found) - len(alive)} seen"
        f" ({len(late)} by the clock), {len(alive) - len(unexplained)}"
        f" explained, {len(unexplained)} unseen; {time.monotonic() - began:.0f} s"
    )
    for mutant in unexplained:
        say(f"  line {mutant.line}: {json.dumps(mutant.name)} = ")
    for name in gone:
        how = f"seen by now, by {seen_by(verdicts[name])}" if name in verdicts else "gone"
        say(f"  is {how}: {json.dumps(name)}")
    for name, verdict in chance.items():
        say(f"  was seen only by chance, by {seen_by(verdict)}: {json.dumps(name)}")
    return len(unexplained) + len(gone)


def seen_by(verdict: Verdict) -> str:
    """Name the test that saw a fault."""
    clock = "the clock in " if verdict.code == LATE else ""
    return clock + (verdict.by or "what runs before the tests")


def say(line: str) -> None:
    """Print at once: a run takes a while."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
