"""Reads beside the writer: one thread, one read-only connection, nothing that money waits for."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from proxy.budget import Standing
from proxy.directory import Directory, Key
from proxy.ledger import rows
from proxy.ledger.fare import Fare
from proxy.ledger.schema import open_session
from proxy.ledger.session import Session
from proxy.ledger.view import View, days_of, frames, standings

T = TypeVar("T")


class Reader:
    """Answers questions about the ledger off the event loop."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._session: Session | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="ledger-reader")

    async def ask(self, question: Callable[[Session], T]) -> T:
        """Run a question on the reading thread.

        Raises:
            LedgerFault: the database cannot be read.
        """
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, self._answer, question)

    def _answer(self, question: Callable[[Session], T]) -> T:
        if self._session is None:
            self._session = open_session(self._url, read_only=True)
        return question(self._session)

    def close(self) -> None:
        """Let go of the thread and the connection."""
        self._thread.submit(self._close)
        self._thread.shutdown()

    def _close(self) -> None:
        if self._session is not None:
            self._session.close()


def bought(prediction_id: str, *, key_id: str) -> Callable[[Session], Fare | None]:
    """Ask for the charge of a prediction that a key bought."""

    def question(session: Session) -> Fare | None:
        where = "WHERE prediction_id=? AND key_id=?"
        return next(iter(rows.fares(session, where, (prediction_id, key_id))), None)

    return question


def where_stands(directory: Directory, key: Key) -> Callable[[Session], tuple[Standing, ...]]:
    """Ask for every budget of a key."""

    def question(session: Session) -> tuple[Standing, ...]:
        view = View(session.now_us(), directory)
        rows.load_standing(session, view, key)
        return standings(view, frames(view, key, *days_of(view, key)))

    return question


def revision(session: Session) -> int:
    """Ask which revision the directory is at."""
    found = session.rows("SELECT value FROM meta WHERE name='revision'")
    return int(found[0][0]) if found else 0
