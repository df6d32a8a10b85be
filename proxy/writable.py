"""Whether the ledger can be written: only something that was written is proof of it."""

import asyncio
import time
from dataclasses import dataclass
from typing import Final

from proxy.ledger.session import LedgerFault
from proxy.ledger.store import beside
from proxy.ledger.writer import Writer
from proxy.one_look import OneLook

PROOF_S: Final = 1.0  # how long one proof is good for
PROBE_S: Final = 3.0


@dataclass
class Writable:
    """Finds out by writing, not oftener than each second; one look serves all who wait."""

    writer: Writer
    _proved_s: float = -PROOF_S

    def __post_init__(self) -> None:
        self._one = OneLook(self._look)

    async def why_not(self) -> str:
        """Say why nothing can be written; empty if something can."""
        return "" if self._is_proved() else await self._one()

    def _is_proved(self) -> bool:
        # After a failure only a write is proof: what found nothing to write has succeeded, too.
        if self.writer.broken is not None or self._proved_s <= self.writer.failed_s:
            return False
        return time.monotonic() < self._proved_s + PROOF_S

    async def _look(self) -> str:
        now_s = time.monotonic()
        try:
            async with asyncio.timeout(PROBE_S):
                await self.writer.transact(beside(lambda store: store.touch()))
        except LedgerFault as fault:
            return f"the ledger cannot be written: {fault}"
        except TimeoutError:
            return f"the ledger has not written for {PROBE_S:.0f} seconds"
        self._proved_s = now_s
        return ""
