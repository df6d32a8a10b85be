"""The histories and the running site that the tests of this directory share."""

from collections.abc import Iterator
from datetime import datetime

import pytest

from proxy.ledger.schema import migrate
from tests.dashboards.history import at, seed
from tests.dashboards.site import Site, running_site
from tests.postgres import Postgres, postgres

__all__ = ["postgres"]

NOW = at("2026-11-23T12:34:00")


@pytest.fixture(scope="session")
def now() -> datetime:
    """The instant at which the seeded histories end."""
    return NOW


@pytest.fixture(scope="session")
def sqlite_url(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A history in an embedded database."""
    url = f"sqlite:///{tmp_path_factory.mktemp('history')}/ledger.db"
    migrate(url)
    seed(url, NOW)
    return url


@pytest.fixture(scope="session")
def postgres_url(postgres: Postgres) -> Iterator[str]:
    """The same history in PostgreSQL."""
    url = postgres.create()
    migrate(url)
    seed(url, NOW)
    yield url
    postgres.drop(url)


@pytest.fixture(params=["sqlite", "postgresql"])
def ledger_url(request: pytest.FixtureRequest) -> str:
    """Each of the two."""
    wanted = "sqlite_url" if request.param == "sqlite" else "postgres_url"
    return str(request.getfixturevalue(wanted))


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Everything running, with traffic."""
    with running_site(tmp_path_factory.mktemp("site")) as started:
        yield started
