"""One ledger suite, two databases: a test that takes `ledger` runs on both."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from proxy.ledger.schema import migrate
from tests.ledger.world import Clock, Ledger
from tests.postgres import Postgres, postgres

__all__ = ["postgres"]

DATABASES = ("sqlite", "postgresql")
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")

MakeUrl = Callable[[str], str]


@pytest.fixture(scope="session")
def empty_ledger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file, to be copied."""
    path = tmp_path_factory.mktemp("template") / "ledger.db"
    migrate(f"sqlite:///{path}")
    return path


@pytest.fixture
def make_url(
    request: pytest.FixtureRequest, tmp_path: Path, empty_ledger: Path
) -> Iterator[MakeUrl]:
    made: list[str] = []

    def make(database: str) -> str:
        if database == "sqlite":
            path = tmp_path / f"ledger{len(made)}.db"
            shutil.copy(empty_ledger, path)
            made.append("")
            return f"sqlite:///{path}"
        server: Postgres = request.getfixturevalue("postgres")
        made.append(server.copy(migrate))
        return made[-1]

    yield make
    for url in filter(None, made):
        request.getfixturevalue("postgres").drop(url)


@pytest.fixture(params=DATABASES)
def database(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def url(database: str, make_url: MakeUrl) -> str:
    """The URL of an empty ledger."""
    return make_url(database)


@pytest.fixture
def clock() -> Clock:
    return Clock("2026-11-23T12:00:00+00:00")


@pytest.fixture
def ledger(url: str, clock: Clock) -> Iterator[Ledger]:
    opened = Ledger(url, clock)
    yield opened
    opened.close()
