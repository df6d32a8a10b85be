"""One v3 call, from the caller's key to its last ledger entry. Start reading here."""

from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any

from starlette.types import Receive, Scope, Send

from proxy.answers import Outcome, submit_outcome
from proxy.assay import Assay
from proxy.bodies import body_hash
from proxy.budget import tightest
from proxy.call import Call, CallerGone, Header
from proxy.clock import now_us
from proxy.crossing import Crossing
from proxy.deciding import Deciding
from proxy.directory import named
from proxy.door import Caller, UnknownKey
from proxy.edge import ServerStatus
from proxy.errors import (
    Draining,
    InvalidKey,
    KeyPaused,
    ModelNotAllowed,
    NotFound,
    Refusal,
    RequestNotUnderstood,
    UnknownPrice,
    UnsupportedEncoding,
    UpstreamKeyMissing,
)
from proxy.fares import Fares, new_id
from proxy.headers import tags_text
from proxy.heads import Head, Heads
from proxy.ledger.fare import Kept
from proxy.ledger.operation import Receipt
from proxy.ledger.refusals import BudgetSpent, KeyGone, KeyHeld, Repeated
from proxy.ledger.reserve import Reserve
from proxy.passing import as_passed, pass_stream, submitted
from proxy.polling import Polling
from proxy.prices import Priced
from proxy.quoting import Quoting
from proxy.repeats import KeptAnswer, Repeats, headers_text, once_of
from proxy.room import Room
from proxy.routes import Route, why_closed
from proxy.settings import Settings
from proxy.shared_polls import SharedPolls
from proxy.strangers import Strangers
from proxy.traffic import Traffic
from proxy.upstream import Answer, NotSent, UpstreamError

SHED = frozenset({401, 503})  # nobody is known, or nothing more is to be asked of us
GONE = 499  # what the metrics say of a caller who left before its request was whole


@dataclass
class Relay:
    """Lets v3 calls through to the upstream, and accounts for what they come to."""

    settings: Settings
    heads: Heads
    quoting: Quoting
    fares: Fares
    crossing: Crossing
    traffic: Traffic
    status: ServerStatus
    in_flight_max: int
    assay: Assay
    strangers: Strangers = field(default_factory=Strangers)
    salt: bytes = b""  # of the hashes of bodies; without one there are none

    def __post_init__(self) -> None:
        self.room = Room.of(self.settings, self.in_flight_max)
        self.held = self.room.held
        self.repeats = Repeats(self.fares)
        self.deciding = Deciding(self.fares, self.settings.charge_on == "submit")
        shared = SharedPolls() if self.settings.share_polls else None
        self.polling = Polling(self.fares, self.quoting, self.crossing, self.deciding, shared)

    @property
    def in_flight(self) -> int:
        """How many calls are being answered."""
        return self.room.in_flight

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one call, count it, and log it."""
        call = Call.of(scope, receive, send)
        self.room.in_flight += 1
        self.traffic.begin(call)
        try:
            if self.status.draining:
                raise Draining
            self.room.check(call)
            await self._serve(call)
        except Refusal as refusal:
            if not call.begun:
                await self._refuse(call, refusal)
        except CallerGone:
            call.status = GONE
        finally:
            self.room.in_flight -= 1
            call.release(self.held)
            self.traffic.end(call)

    async def _refuse(self, call: Call, refusal: Refusal) -> None:
        self.traffic.refused(call, refusal.type, refusal.message)
        if call.whole and not call.ours and refusal.code not in SHED:
            # Not where the body is still coming: its caller may be about to hang up.
            call.ours = await self._left(call)
        await call.refuse(refusal, setting=self.settings.refusal_status, headers=call.ours)

    # Who serves a call is said by plain functions, not by coroutines that only wait for each other.

    def _serve(self, call: Call) -> Coroutine[Any, Any, None]:
        if call.routed.route is Route.OPTIONS:
            return self._options(call)
        try:
            head = self.heads.of(call)
        except UnknownKey:
            return self._newcomer(call)
        return self._known(call, head)

    def _known(self, call: Call, head: Head) -> Coroutine[Any, Any, None]:
        return self._first(call, head) if head.caller.unseen else self._route(call, head)

    def _route(self, call: Call, head: Head) -> Coroutine[Any, Any, None]:
        route = call.routed.route
        if route is Route.SUBMIT:
            return self._submit(call, head)
        if route is Route.POLL:
            return self._poll(call, head)
        if route is Route.UPLOAD or head.caller.own_secret is not None:
            return self._plain(call, head)
        raise NotFound(why_closed(call.routed.segments))

    def _body(self, call: Call) -> Coroutine[Any, Any, bytes]:
        return call.body(max_bytes=self.settings.max_body, held=self.held)

    async def _newcomer(self, call: Call) -> None:
        """Serve a key that may be younger than what this worker knows of keys."""
        await self.fares.newest.look()
        await self._known(call, self.heads.of(call))

    async def _first(self, call: Call, head: Head) -> None:
        """Serve a caller that the upstream has not let in yet, one call at a time until it has."""
        async with self.room.apart(call, bytes_max=self.settings.max_body):
            async with self.strangers.turn(head.caller.key.fingerprint):
                await self.fares.newest.look()  # another worker may have kept it a moment ago
                head = self.heads.of(call)
                if head.caller.unseen:
                    await self._route(call, head)
                    return
            await self._route(call, head)

    async def _options(self, call: Call) -> None:
        ours = self.heads.door.guards(call.headers)
        async with self.room.apart(call, bytes_max=self.settings.max_body) as body:
            await self.crossing.keyless(call, body, drop_key=ours)

    async def _poll(self, call: Call, head: Head) -> None:
        await self.polling(call, head, await self._body(call))

    async def _plain(self, call: Call, head: Head) -> None:
        await self.crossing.plain(call, head, await self._body(call))

    # A priced submit

    async def _submit(self, call: Call, head: Head) -> None:
        """Reserve the fare, and only then let the call through."""
        caller, asked = head.caller, head.asked
        if head.encoded:
            raise UnsupportedEncoding
        body = await self._body(call)
        if asked.dry_run:
            content, call.ours = await self.assay(caller, call.routed, body)
            await call.answer_json(200, content, call.ours)
            return
        once = once_of(call, caller.key, asked, body)
        call.kept = once is not None
        try:
            # Not by a name: what an order says may be megabytes, and the call may last minutes.
            receipt = await self._reserve(call, head, self._priced(call, head, body), once)
        except Repeated as repeated:
            await self._repeat(call, repeated.kept, once)
            return
        except (RequestNotUnderstood, UnknownPrice, ModelNotAllowed, UpstreamKeyMissing):
            if (kept := await self.repeats.first(once)) is None:
                raise
            await self._repeat(call, kept, once)
            return
        self.quoting.begin(call, receipt)
        try:
            answer = await self.crossing.send(call, head, body, submit=True)
            read = await self.crossing.read(call, answer)
        except UpstreamError as error:
            raise await self._not_answered(call, caller, receipt, error) from error
        await self._answered(call, head, receipt, answer, read)

    def _priced(self, call: Call, head: Head, body: bytes) -> Priced:
        """Price a call that somebody pays for, and note on it what it asks for."""
        routed, key = call.routed, head.caller.key
        priced = self.quoting.price(routed.surface, routed.segments, body, key, now_us())
        head.paid_by()
        call.about(priced.quote)
        call.body_hash = body_hash(self.salt, call.target, body)
        return priced

    async def _repeat(self, call: Call, kept: Kept, once: Kept | None) -> None:
        """Answer from the first call, whatever has become of key and prices since."""
        call.ours = await self._left(call)
        await self.repeats.answer(call, kept, once)

    async def _left(self, call: Call) -> list[Header]:
        """Say what the calling key has left; nothing where that cannot be read."""
        standings = () if call.key is None else await self.fares.standings(call.key)
        return self.quoting.budget_headers(tightest(standings))

    async def _reserve(self, call: Call, head: Head, priced: Priced, once: Kept | None) -> Receipt:
        """Take the fare from every budget, durably, or say which one refuses it."""
        caller = head.caller
        operation = self._reservation(call, head, priced, once)
        try:
            receipt = await self.fares.reserve(operation)
        except BudgetSpent as spent:
            call.ours = self.quoting.budget_headers(tightest(spent.standings))
            raise self.quoting.refusal(spent, priced, caller.key, now_us()) from None
        except KeyHeld as held:
            raise KeyPaused(scope=held.scope, name=named(held.scope, caller.key)) from None
        except KeyGone:
            raise InvalidKey("This API key was revoked.") from None
        self.traffic.reserved(call, receipt)
        return receipt

    def _reservation(self, call: Call, head: Head, priced: Priced, once: Kept | None) -> Reserve:
        caller, asked = head.caller, head.asked
        order, segments = priced.order, call.routed.segments
        return Reserve(  # in the order of its fields, as it is made for every fare
            new_id(now_us()),
            caller.key,
            priced,
            head.account,
            call.routed.surface,
            self.fares.owner,
            tags_text(caller.key.tags, asked.tags),
            call.body_hash,
            str(order.model or "/".join(segments)),
            segments[-1] if segments else "",
            caller.unseen,
            int(self.settings.upstream_timeout_s * 1e6) + 60_000_000,
            once,
            order.references,
            order.ratio,
        )

    async def _not_answered(
        self, call: Call, caller: Caller, receipt: Receipt, error: UpstreamError
    ) -> Refusal:
        """Nothing came back: released if it is proven that nothing was sent, else uncertain."""
        noted = await self.deciding.unanswered(receipt.fare, error, caller)
        self.quoting.note(call, noted or receipt)
        fare = "released" if isinstance(error, NotSent) else "uncertain"
        return self.crossing.silent(error, fare=fare)

    async def _answered(
        self, call: Call, head: Head, receipt: Receipt, answer: Answer, read: bytes | None
    ) -> None:
        """Note what the answer says, on disk, before its first byte goes to the caller."""
        caller, manner, status = head.caller, head.manner, answer.status
        if read is None:
            self.quoting.note(call, receipt)
            kept: KeptAnswer | None = (status, "[]", None) if call.kept else None

            async def learn(document: object) -> None:
                said = status, submit_outcome(status, document), document
                await self._decide(call, caller, receipt, said, kept)

            await pass_stream(call, answer, manner, call.ours, learn)
            return
        outcome, document, at = submitted(status, answer.encoding, read)
        headers, passed = as_passed(call, answer, read, manner, at)
        kept = (status, headers_text(headers), passed) if call.kept else None
        await self._decide(call, caller, receipt, (status, outcome, document), kept)
        await call.answer(status, [*headers, *call.ours], passed)

    async def _decide(
        self,
        call: Call,
        caller: Caller,
        receipt: Receipt,
        said: tuple[int, Outcome, object],
        kept: KeptAnswer | None,
    ) -> None:
        status, outcome, document = said
        self.traffic.upstream_said(status, document, outcome)
        noted: Receipt | None
        if caller.unseen and status == 401 and outcome.prediction_id is None:  # noqa: PLR2004
            noted = await self.deciding.turned_away(receipt.fare, caller.key)
        else:
            noted = await self.deciding.answered(receipt.fare, outcome, kept)
        self.quoting.note(call, noted or receipt)
