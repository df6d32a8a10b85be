"""Decides the charges that nobody came back for.

Gentle: a charge is looked at a while after anyone last did, then ever more rarely; one node
works on a charge at a time, by a lease that passes on when the node dies; and there is a cap on
looks a second, so that a client's own poll never waits for ours.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from proxy.answers import names, poll_outcome, poll_status
from proxy.charge import Ground, State
from proxy.fares import Fares
from proxy.keys import fingerprint
from proxy.ledger.fare import Fare
from proxy.ledger.leases import due, in_use, lease, renew
from proxy.ledger.outcomes import Decide, Doubt, Postpone
from proxy.ledger.session import LedgerFault
from proxy.passing import READ_WHOLE_MAX, Watch, document_of
from proxy.places import poll_targets
from proxy.settings import Settings
from proxy.upstream import Answer, Upstream, UpstreamError
from proxy.version import __version__

TICK_S = 1.0
AT_ONCE_MAX = 8
LOOKS_A_TICK_MAX = 20  # the cap on rate: twenty looks a second and node, nearly all one poll
BEGUN_S = 15.0  # for a connection and an answer's head
LOOK_S = 60.0  # for all of a look: pictures in an answer may be tens of megabytes
LEASED_US = 240_000_000  # longer than three rounds of eight looks
EARLY_LOOKS = 6
EARLY_FACTOR_MAX = 5
LATE_FACTOR_MAX = 60
TIDY_EVERY_TICKS = 60
# What stands before a key, by FAREBOX_UPSTREAM_AUTH; here is no client to mirror, so both.
_SPELLINGS = {"raw": (b"",), "bearer": (b"Bearer ",), "mirror": (b"Bearer ", b"")}
# Headers of every look. Some firewalls turn away a request that does not say who it is.
_OURS = [(b"user-agent", f"farebox/{__version__}".encode()), (b"accept-encoding", b"identity")]
_UNKNOWN = (404, 405)  # what a place says that does not know a prediction, or no polls at all
log = logging.getLogger("farebox.reconciler")


def next_look_us(looks: int, poll_after_us: int) -> int:
    """Say how long to wait after the n-th look, in microseconds.

    The first few looks are at most five times FAREBOX_POLL_AFTER apart; a charge that is still
    open then is rare, and looked at up to sixty times as rarely.
    """
    factor = min(1 << looks, EARLY_FACTOR_MAX)
    if looks >= EARLY_LOOKS:
        factor = min(EARLY_FACTOR_MAX << (looks - EARLY_LOOKS + 1), LATE_FACTOR_MAX)
    return poll_after_us * factor


@dataclass
class Reconciler:
    """One worker's share of the looking; `secrets` are own keys by fingerprint, in memory only."""

    settings: Settings
    fares: Fares
    upstream: Upstream
    secrets: dict[str, str]
    environ: Mapping[str, str]
    count: Callable[[str], None] = lambda _: None
    _ticks: int = 0
    _slots: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE_MAX))

    def __post_init__(self) -> None:
        self._poll_after_us = int(self.settings.poll_after_s * 1e6)
        self._give_up_us = int(self.settings.give_up_after_s * 1e6)

    async def run(self) -> None:
        """Look for what is due, until cancelled; a ledger that is down is waited for."""
        tick_s = min(TICK_S, self.settings.poll_after_s / 2, self.settings.give_up_after_s / 2)
        while True:
            await asyncio.sleep(tick_s)
            try:
                await self.tick()
            except LedgerFault as fault:
                log.warning("the ledger does not answer: %s", fault)

    async def tick(self) -> int:
        """Do one round; how many charges were worked on."""
        await self._renew()
        self._ticks += 1
        if self._ticks % TIDY_EVERY_TICKS == 0:
            await self._tidy()
        if not await self.fares.reader.ask(due):
            return 0
        leased = await self.fares.writer.transact(
            lease(self.fares.owner, limit=LOOKS_A_TICK_MAX, for_us=LEASED_US)
        )
        await asyncio.gather(*(self._slotted(fare, now_us) for fare, now_us in leased))
        return len(leased)

    async def _renew(self) -> None:
        """Put off what clients polled since the last round, up to the hour of giving up."""
        if seen := self.fares.take_seen():
            await self.fares.writer.transact(
                renew(seen, by_us=self._poll_after_us, give_up_us=self._give_up_us)
            )

    async def _tidy(self) -> None:
        """Forget own keys without an open fare."""
        accounts = await self.fares.reader.ask(in_use)
        for mark in set(self.secrets) - accounts:
            del self.secrets[mark]

    async def _slotted(self, fare: Fare, now_us: int) -> None:
        async with self._slots:
            await self._look(fare, now_us)

    async def _look(self, fare: Fare, now_us: int) -> None:
        """Work on one charge: ask, or wait, or give up."""
        if fare.state == State.RESERVED:
            await self.fares.record(Doubt(fare.id, "no outcome in time", unheard=True))
            return
        if fare.prediction_id is not None and await self._ask(fare):
            return
        if now_us - fare.admitted_us >= self._give_up_us:
            self.count("assumed")
            await self.fares.record(
                Decide(fare.id, 0, Ground.ASSUMED, "nobody came back", actor="reconciler")
            )
            return
        await self._later(fare, now_us)

    async def _later(self, fare: Fare, now_us: int) -> None:
        end_us = fare.admitted_us + self._give_up_us
        next_us = now_us + next_look_us(fare.looks, self._poll_after_us)
        if fare.prediction_id is None:
            next_us = end_us  # nothing to ask about
        with contextlib.suppress(LedgerFault):
            await self.fares.writer.do(Postpone(fare.id, min(next_us, end_us)))

    async def _ask(self, fare: Fare) -> bool:
        """Poll the upstream; True if that decided the charge."""
        key = self._key_of(fare)
        if key is None:
            self.count("no_key")
            return False
        try:
            async with asyncio.timeout(LOOK_S):
                status, document = await self._told(fare, key)
        except (UpstreamError, TimeoutError):
            self.count("error")
            return False
        outcome = poll_outcome(status, document, asked=fare.prediction_id or "")
        self.count(outcome.kind)
        if outcome.kind not in ("completed", "failed"):
            return False
        outputs = outcome.outputs if outcome.kind == "completed" else None
        decided = Decide(fare.id, outputs, Ground.ANSWER, outcome.word, actor="reconciler")
        await self.fares.record(decided)
        return True

    async def _told(self, fare: Fare, key: str) -> tuple[int, object]:
        """Ask with a key at every place until one knows the prediction; else it is a 404.

        Places behind the first are guesses: what one of them says must name the prediction, lest
        a word about nothing decide. Under `mirror` a key that is not let in is spelled raw, once.

        Raises:
            UpstreamError, TimeoutError: no whole answer came.
        """
        spellings = [each + key.encode() for each in _SPELLINGS[self.settings.upstream_auth]]
        for number, target in enumerate(poll_targets(fare)):
            status, document = await self._get(fare, target, spellings[0])
            if status == 401 and len(spellings) > 1:  # noqa: PLR2004
                del spellings[0]
                status, document = await self._get(fare, target, spellings[0])
            if status not in _UNKNOWN and (number == 0 or _tells(fare, status, document)):
                return status, document
        return 404, None

    async def _get(self, fare: Fare, target: bytes, credential: bytes) -> tuple[int, object]:
        """Ask once; the status that the answer says, and all else that it does."""
        async with asyncio.timeout(BEGUN_S):
            answer = await self.upstream.send(
                b"GET", target, [(b"authorization", credential), *_OURS], b"",
                pool=f"reconciler:{fare.account}", submit=False, timeout_s=LOOK_S,
            )  # fmt: skip
        try:
            document = await _said(answer)
            return poll_status(answer.status, document), document
        finally:
            answer.close()

    def _key_of(self, fare: Fare) -> str | None:
        """Find the secret of the account that a fare was bought with."""
        if fare.account in self.secrets:
            return self.secrets[fare.account]
        key = self.fares.writer.directory.keys.get(fare.key_id)
        named = self.environ.get(key.upstream_key_env) if key and key.upstream_key_env else None
        for secret in (named, self.settings.upstream_key):
            if secret and fingerprint(secret) == fare.account:
                return secret
        return None


def _tells(fare: Fare, status: int, document: object) -> bool:
    """Say whether a guessed place tells of a fare's prediction, or of trouble: no more guesses."""
    if status != 200:  # noqa: PLR2004
        return True
    return names(document) == fare.prediction_id


async def _said(answer: Answer) -> object:
    """Read what an answer says, as a client's poll does: a large one in passing, and not held."""
    body = await answer.read(READ_WHOLE_MAX)
    if body is not None:
        return document_of(answer.encoding, body)
    watch = Watch(answer.encoding)
    async for chunk in answer.chunks():
        watch.feed(chunk)
    return watch.document()
