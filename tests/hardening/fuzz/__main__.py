"""Coverage-guided fuzzing: `python -m tests.hardening.fuzz order --seconds 300`.

Wants atheris, which is no dependency of ours: `pip install atheris`. What widens the coverage
is added to the corpus; what breaks a promise is kept too, and ends the run with its trace.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.hardening.fuzz.corpus import INPUT_MAX, NAMES, keep, kept


def main() -> int:
    """Fuzz one target, or all of them in turn."""
    parser = argparse.ArgumentParser(prog="python -m tests.hardening.fuzz")
    parser.add_argument("target", choices=[*NAMES, "all"])
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--libfuzzer", nargs=argparse.REMAINDER)
    asked = parser.parse_args()
    if asked.libfuzzer is not None:
        return run(asked.target, asked.libfuzzer)
    targets = list(NAMES) if asked.target == "all" else [asked.target]
    return max(fuzz(target, asked.seconds) for target in targets)


def fuzz(target: str, seconds: int) -> int:
    """Fuzz in a child (libFuzzer ends its process itself), then keep what it found."""
    with tempfile.TemporaryDirectory() as name:
        before, found = Path(name) / "before", Path(name) / "found"
        before.mkdir()
        found.mkdir()
        for number, data in enumerate(kept(target)):
            (before / f"{number:05}").write_bytes(data)
        told = [f"-max_total_time={seconds}", f"-max_len={INPUT_MAX}", f"-artifact_prefix={name}/"]
        code = child(target, *told, "-timeout=10", "-rss_limit_mb=2048", str(found), str(before))
        broke = [each.read_bytes() for each in Path(name).glob("*-*") if each.is_file()]
        count = keep(
            target,
            [*(each.read_bytes() for part in (before, found) for each in part.iterdir()), *broke],
        )
    sys.stdout.write(f"{target}: {count} inputs kept, {len(broke)} of them break a promise\n")
    return code


def child(target: str, *arguments: str) -> int:
    command = [sys.executable, "-m", "tests.hardening.fuzz", target, "--libfuzzer", *arguments]
    return subprocess.run(command, check=False).returncode


def run(target: str, arguments: list[str]) -> int:
    """Hand this process to libFuzzer."""
    import atheris  # type: ignore[import-not-found]  # noqa: PLC0415 - only whoever fuzzes needs it

    with atheris.instrument_imports(include=["pricing", "proxy"]):
        from tests.hardening.fuzz.targets import TARGETS  # noqa: PLC0415 - instrumented first
    atheris.Setup([sys.argv[0], *arguments], TARGETS[target])
    atheris.Fuzz()
    return 0


if __name__ == "__main__":
    sys.exit(main())
