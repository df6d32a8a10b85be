"""Ready means that something was written; that nothing had to be written says nothing."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from proxy.edge import ServerStatus
from proxy.fares import Fares
from proxy.ledger.reader import Reader
from proxy.ledger.schema import migrate, open_session
from proxy.ledger.session import LedgerFault
from proxy.ledger.store import Store
from proxy.ledger.writer import Writer
from proxy.own import OwnRoutes


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
