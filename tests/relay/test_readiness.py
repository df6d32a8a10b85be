"""Ready means that something was written; that nothing had to be written says nothing."""

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from proxy.edge import ServerStatus
from proxy.errors import LedgerUnavailable
from proxy.fares import Fares
from proxy.ledger.outcomes import Accept
from proxy.ledger.reader import Reader
from proxy.ledger.schema import migrate, open_session
from proxy.ledger.session import LedgerFault
from proxy.ledger.store import Store
from proxy.ledger.writer import Writer
from proxy.own import OwnRoutes
from tests.ledger.world import Ledger


async def test_after_a_failed_write_only_a_write_is_proof(tmp_path: Path) -> None:
    path, away = tmp_path / "farebox.db", tmp_path / "away.db"
    migrate(f"sqlite:///{path}")
    store = Store(open_session(f"sqlite:///{path}"))
    store.open()
    writer = Writer(store, asyncio.get_running_loop())
    writer.start()
    reader = Reader(f"sqlite:///{path}")
    nobody: Any = None  # what readiness does not ask
    fares, status = Fares(writer, reader, 0), ServerStatus()
    own = OwnRoutes(nobody, nobody, status, nobody, fares, nobody, nobody, nobody)
    assert (await own.readyz(nobody)).status_code == 200
    path.rename(away)
    with pytest.raises(LedgerFault):
        await writer.transact(lambda opened: opened.touch())
    away.rename(path)
    await writer.transact(lambda opened: opened.directory)  # succeeds, and writes nothing
    path.rename(away)
    assert (await own.readyz(nobody)).status_code == 503
    away.rename(path)
    assert (await own.readyz(nobody)).status_code == 200
    await writer.close()
    reader.close()
    store.session.close()


async def test_a_poll_of_what_waits_to_be_written_is_not_told_that_there_is_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("proxy.fares.AGAIN_AFTER_S", 1.0)
    path, away = tmp_path / "farebox.db", tmp_path / "away.db"
    migrate(f"sqlite:///{path}")
    ledger = Ledger(f"sqlite:///{path}")
    key = ledger.key()
    fare = ledger.reserve(key)
    writer, reader = Writer(ledger.store, asyncio.get_running_loop()), Reader(ledger.url)
    writer.start()
    fares = Fares(writer, reader, 0)
    path.rename(away)
    assert await fares.record(Accept(fare.id, fare.account, "p-1")) is None
    away.rename(path)  # from now on it can be written, and is not yet
    with pytest.raises(LedgerUnavailable):
        await fares.find_surely("p-1", key)
    await fares.flush(within_s=10)
    found = await fares.find_surely("p-1", key)
    assert found is not None
    assert found.id == fare.id
    await writer.close()
    reader.close()
    ledger.close()


async def test_a_fault_of_ours_is_told_in_the_envelope_and_ends_the_connection() -> None:
    async def broken(_: Request) -> Response:
        raise ZeroDivisionError

    nobody: Any = None  # what a route of somebody else's does not ask
    routes = [Route("/admin/broken", broken)]
    own = OwnRoutes(nobody, nobody, nobody, nobody, nobody, nobody, nobody, nobody, routes)
    transport = httpx.ASGITransport(own.app(), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://ours") as client:
        answer = await client.get("/admin/broken")
    assert (answer.status_code, answer.headers["connection"]) == (500, "close")
    assert answer.json()["error"]["type"] == "internal_error"
