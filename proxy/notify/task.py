"""The loop of one worker: look, keep, deliver, and try again what was not taken."""

import asyncio
import logging
from dataclasses import dataclass
from typing import Final

import httpx

from proxy.clock import now_us
from proxy.fares import Fares
from proxy.instants import instant
from proxy.ledger.reader import Reader
from proxy.ledger.session import LedgerFault
from proxy.notify import outbox
from proxy.notify.webhook import WAIT_S, NotTaken, deliver
from proxy.settings import Settings

LOOK_S: Final = 2.0
AGAIN_S: Final = 5
AGAIN_MAX_S: Final = 900
log = logging.getLogger("farebox.notify")


@dataclass(frozen=True, slots=True)
class Notifier:
    """Tells `FAREBOX_NOTIFY_URL` of budgets that run low."""

    settings: Settings
    fares: Fares

    async def run(self) -> None:
        """Look for news until cancelled; without an address there is nothing to do."""
        url = self.settings.notify_url
        if url is None:
            return
        reader = Reader(self.settings.database_url)  # nothing that a caller waits for is behind it
        try:
            async with httpx.AsyncClient(timeout=WAIT_S, trust_env=False) as client:
                await self._loop(reader, client, url)
        finally:
            reader.close()

    async def _loop(self, reader: Reader, client: httpx.AsyncClient, url: str) -> None:
        seen = outbox.Seen()
        while True:
            try:
                await self._look(reader, seen)
                await self._deliver(reader, client, url)
            except LedgerFault as fault:
                log.warning("budgets cannot be looked at: %s", fault)
                seen = outbox.Seen()
            await asyncio.sleep(LOOK_S)

    async def _look(self, reader: Reader, seen: outbox.Seen) -> None:
        writer = self.fares.writer
        question = outbox.look(writer.directory, self.settings.notify_at, seen)
        if found := await reader.ask(question):
            await writer.transact(outbox.put(found))

    async def _deliver(self, reader: Reader, client: httpx.AsyncClient, url: str) -> None:
        for each in await reader.ask(outbox.due):
            await self._hand_over(client, url, each)

    async def _hand_over(self, client: httpx.AsyncClient, url: str, due: outbox.Due) -> None:
        writer, notice = self.fares.writer, due.notice
        if not await writer.transact(outbox.claim(notice)):
            return
        try:
            at = instant(now_us())
            await deliver(client, url, self.settings.notify_secret, notice, at)
        except NotTaken as refused:
            wait_s = min(AGAIN_S * 2**due.tries, AGAIN_MAX_S)
            log.warning(
                "the webhook did not take %s (%s); again in %d s", notice.id, refused, wait_s
            )
            await writer.transact(outbox.later(notice, wait_s * 1_000_000))
        else:
            await writer.transact(outbox.sent(notice))
