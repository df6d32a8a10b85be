"""What a run ran on, so that its figures can be told from another's."""

import os
import platform
import re
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

from bench.install import PROGRAMS, where

ROOT = Path(__file__).parents[1]
SAYS_VERSION = {"nginx": "-v", "haproxy": "-v", "wrk": "-v", "node": "--version"}


def described() -> str:
    """Describe machine, versions and code in a few lines."""
    model = re.search(r"model name\s*: (.+)", Path("/proc/cpuinfo").read_text())
    load = ", ".join(f"{one:.2f}" for one in os.getloadavg())
    commit = _said("git", "-C", str(ROOT), "describe", "--always", "--dirty")
    return (
        f"{model[1] if model else platform.machine()}, {os.cpu_count()} cores,"
        f" Linux {platform.release()}, load average {load}\n"
        f"Farebox {commit.strip()} on Python {platform.python_version()}\n"
        f"{', '.join(_versions())}\n"
    )


def code() -> str:
    """Fingerprint the code that is measured: a run over code that changes means nothing."""
    files = sorted(p for part in ("proxy", "pricing") for p in (ROOT / part).rglob("*.py"))
    whole = sha256()
    for file in files:
        whole.update(file.read_bytes())
    return whole.hexdigest()


def stand_back() -> None:
    """Take from now on only time that nobody else wants."""
    os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))


def _versions() -> list[str]:
    installed = [p.package for p in PROGRAMS.values() if p.file.exists()]
    others = []
    for name, flag in SAYS_VERSION.items():
        found = re.search(r"\d+\.\d+[\w.]*", _said(where(name) or name, flag))
        if found:
            others.append(f"{name} {found[0]}")
    return [*others, *installed]


def _said(*command: str) -> str:
    try:
        done = subprocess.run(command, check=False, capture_output=True, text=True)
    except OSError:
        return ""
    return done.stdout + done.stderr


if __name__ == "__main__":
    sys.stdout.write(described())
