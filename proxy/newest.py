"""Keys that are younger than what this worker knows of them.

Changes of keys are obeyed everywhere within half a second. Who makes a key and calls with it at
once is not to hear that nobody knows it: before a whole key is refused as unknown, the ledger is
asked whether keys have changed. Anybody can make up whole keys, so there is one look at a time.
"""

import contextlib
from dataclasses import dataclass

from proxy.ledger.reader import Reader, revision
from proxy.ledger.session import LedgerFault
from proxy.ledger.store import beside
from proxy.ledger.writer import Writer
from proxy.one_look import OneLook


@dataclass
class Newest:
    """Looks for changes of keys when somebody has to know."""

    writer: Writer
    reader: Reader

    def __post_init__(self) -> None:
        self._look = OneLook(self._caught_up)

    async def look(self) -> None:
        """Know the keys as they are now, if they can be read; one look serves all who wait."""
        await self._look()

    async def _caught_up(self) -> None:
        with contextlib.suppress(LedgerFault):
            await self.catch_up()

    async def catch_up(self) -> None:
        """Read keys, teams and prices again if any of them changed.

        Raises:
            LedgerFault: they cannot be read.
        """
        if await self.reader.ask(revision) != self.writer.directory.revision:
            await self.writer.transact(beside(lambda store: store.directory))
