"""A seeded month, made once a run and copied for whoever changes it."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from proxy.ledger.schema import open_session
from proxy.ledger.session import Session
from proxy.ledger.store import Store
from tests.reports.seeding import TimedSession, Traffic, open_store

CALLS = 4_000


@pytest.fixture(scope="session")
def seeded_month(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A month of traffic: every model, failures, uncertain calls, a price change in the middle."""
    path = tmp_path_factory.mktemp("month") / "farebox.db"
    store = open_store(path)
    Traffic(store).run(CALLS)
    store.session.close()
    return path


@pytest.fixture
def month_db(seeded_month: Path, tmp_path: Path) -> Path:
    """A copy of the month that a test may change."""
    return Path(shutil.copy(seeded_month, tmp_path / "month.db"))


@pytest.fixture
def reading(seeded_month: Path) -> Iterator[Session]:
    """The month, to be read."""
    session = open_session(f"sqlite:///{seeded_month}", read_only=True)
    with session.snapshot():
        yield session
    session.close()


@pytest.fixture
def reopened() -> Iterator[Callable[..., Store]]:
    """Open a ledger again, with a clock that can be set."""
    stores: list[Store] = []

    def reopen(path: Path, at_us: int) -> Store:
        session = TimedSession(path, synchronous="OFF")
        session.at_us = at_us
        store = Store(session)
        stores.append(store)
        store.transact(lambda opened: opened.directory)
        return store

    yield reopen
    for store in stores:
        store.session.close()
