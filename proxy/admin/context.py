"""What the operations work with: the ledger's two sides, the prices, the settings."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from starlette.requests import Request

from proxy.admin.guard import Guard
from proxy.assay import Assay
from proxy.directory import Directory
from proxy.fares import Fares
from proxy.ledger.schema import open_session
from proxy.ledger.session import Session
from proxy.ledger.store import Store
from proxy.prices import Prices
from proxy.settings import Settings

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class AdminContext:
    """Handed to every module of operations."""

    settings: Settings
    guard: Guard
    fares: Fares
    prices: Prices
    assay: Assay
    signed_in: Callable[[Request], bool] = lambda _: False  # on the page, as admin

    async def ask(self, question: Callable[[Session], T]) -> T:
        """Read the ledger."""
        return await self.fares.reader.ask(question)

    async def study(self, question: Callable[[Session], T]) -> T:
        """Read at length, on a connection of its own, so that nothing waits for it."""

        def read() -> T:
            session = open_session(self.settings.database_url, read_only=True)
            try:
                return question(session)
            finally:
                session.close()

        return await asyncio.to_thread(read)

    async def change(self, change: Callable[[Store], T]) -> T:
        """Have a change committed."""
        return await self.fares.writer.transact(change)

    async def directory(self) -> Directory:
        """Return keys and teams as last committed by anyone, not only as this worker knows them."""
        await self.fares.newest.catch_up()
        return self.fares.writer.directory
