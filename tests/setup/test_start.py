"""`farebox serve` by somebody who has set nothing: it says how to get in, and ends well."""

import os
import pty
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import httpx

HOUSE = Path(__file__).parents[2]
SERVE = [sys.executable, "-m", "proxy", "serve", "--port", "0"]


@contextmanager
def serving(directory: Path, stderr: int) -> Iterator[subprocess.Popen[bytes]]:
    """Start it with an environment of its own; whatever happens, end it."""
    kept = {name: text for name, text in os.environ.items() if not name.startswith("FAREBOX_")}
    program = subprocess.Popen(
        SERVE,
        cwd=directory,
        env=kept | {"PYTHONPATH": str(HOUSE)},
        stdout=subprocess.DEVNULL,
        stderr=stderr,
    )
    try:
        yield program
    finally:
        program.kill()
        program.wait(10)
        if program.stderr:
            program.stderr.close()


def welcome(stream: IO[bytes]) -> str:
    """Read what is said at the start, to the end of the curl."""
    said = ""
    while not said.rstrip().endswith("}'"):
        line = stream.readline().decode()
        assert line, f"it ended after {said!r}"
        said += line
    return said


def test_it_tells_where_it_is_and_ends_when_asked(tmp_path: Path) -> None:
    with serving(tmp_path, subprocess.PIPE) as program:
        assert program.stderr
        said = welcome(program.stderr)
        page = re.search(r"page +(http://127\.0\.0\.1:\d+)/", said)
        assert page
        assert httpx.get(f"{page[1]}/healthz", trust_env=False).status_code == 200
        program.send_signal(signal.SIGTERM)
        assert program.wait(20) == 0
    token = (tmp_path / "farebox.db.token").read_text().strip()
    assert "farebox.db.token" in said
    assert token not in said, "in a pipe, and so perhaps in a log, only its place is told"


def test_a_person_is_shown_the_token(tmp_path: Path) -> None:
    master, slave = pty.openpty()
    with os.fdopen(master, "rb") as screen, serving(tmp_path, slave):
        os.close(slave)
        said = welcome(screen)
    assert (tmp_path / "farebox.db.token").read_text().strip() in said
