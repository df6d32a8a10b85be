"""A stand-in, an empty ledger on each database, and a clock that a test steps."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from proxy.ledger.schema import migrate
from tests.postgres import Postgres, postgres
from tests.reconciler.node import Clock, Node, node
from tests.standin.server import Standin

__all__ = ["postgres"]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


@pytest.fixture
def upstream() -> Iterator[Standin]:
    with Standin() as standin:
        yield standin
    assert not standin.mistakes


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        found = f"sqlite:///{tmp_path}/farebox.db"
        migrate(found)
        yield found
        return
    server: Postgres = request.getfixturevalue("postgres")
    found = server.copy(migrate)
    yield found
    server.drop(found)


@pytest.fixture
async def here(url: str, upstream: Standin, clock: Clock) -> AsyncIterator[Node]:
    async with node(url, upstream.url) as made:
        yield made
