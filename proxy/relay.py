"""One v3 call, from the caller's key to its last ledger entry. Start reading here."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from starlette.types import Receive, Scope, Send

from pricing import usd
from proxy.answers import Outcome, poll_outcome, submit_outcome
from proxy.assay import Assay
from proxy.base import public_base
from proxy.budget import tightest
from proxy.call import Call, CallerGone, Held
from proxy.charge import OPEN, UNPROVEN, Ground
from proxy.clock import now_us
from proxy.door import Caller, Door
from proxy.edge import ServerStatus
from proxy.errors import (
    Draining,
    InvalidKey,
    KeyPaused,
    NotFound,
    Overloaded,
    PredictionNotFound,
    Refusal,
    UnsupportedEncoding,
    UpstreamKeyMissing,
    UpstreamTimeout,
    UpstreamUnreachable,
)
from proxy.fares import Fares, new_id
from proxy.headers import Asked, forwarded, read_farebox_headers
from proxy.keys import fingerprint
from proxy.ledger import registry
from proxy.ledger.ops import (
    UNPRICED,
    Accept,
    BudgetSpent,
    Decide,
    Doubt,
    Fare,
    Kept,
    KeyGone,
    KeyHeld,
    Purge,
    Receipt,
    Repeated,
    Reserve,
)
from proxy.ledger.session import LedgerFault
from proxy.passing import READ_WHOLE_MAX, as_passed, document_of, pass_stream
from proxy.prices import Priced
from proxy.quoting import Quoting
from proxy.repeats import KeptAnswer, Repeats, headers_text, once_of
from proxy.routes import Route
from proxy.settings import Settings
from proxy.strangers import Strangers
from proxy.traffic import Traffic
from proxy.upstream import Answer, NotSent, TimedOut, Upstream, UpstreamError

POLLS_OVER = 1.25  # polls are shed last: their image is paid for already


@dataclass
class Relay:
    """Lets v3 calls through to the upstream, and accounts for what they come to."""

    settings: Settings
    door: Door
    quoting: Quoting
    fares: Fares
    upstream: Upstream
    traffic: Traffic
    status: ServerStatus
    environ: Mapping[str, str]
    in_flight_max: int
    assay: Assay
    strangers: Strangers = field(default_factory=Strangers)
    in_flight: int = 0

    def __post_init__(self) -> None:
        self.held = Held(self.settings.max_buffered)
        self.repeats = Repeats(self.fares)
        self.secrets: dict[str, str] = {}  # own keys by fingerprint, in memory only

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one call, count it, and log it."""
        call = Call.of(scope, receive, send)
        self.in_flight += 1
        self.traffic.begin(call)
        try:
            self._room(call)
            await self._serve(call)
        except Refusal as refusal:
            if not call.begun:
                await self._refuse(call, refusal)
        except CallerGone:
            pass
        finally:
            self.in_flight -= 1
            call.release(self.held)
            self.traffic.end(call)

    def _room(self, call: Call) -> None:
        if self.status.draining:
            raise Draining
        is_poll = call.routed.route is Route.POLL
        if self.in_flight > self.in_flight_max * (POLLS_OVER if is_poll else 1):
            raise Overloaded

    async def _refuse(self, call: Call, refusal: Refusal) -> None:
        self.traffic.refused(call, refusal.type)
        await call.refuse(refusal, setting=self.settings.refusal_status, headers=call.ours)

    async def _serve(self, call: Call) -> None:
        route = call.routed.route
        if route is Route.OPTIONS:
            await self._plain(call, None)
            return
        directory = self.fares.writer.directory
        caller = self.door.identify(call.headers, directory, now_us())
        call.key_name, call.team = caller.key.name, caller.key.team
        if not caller.key.own or caller.key.adopted:
            call.key_label = caller.key.name
        asked = read_farebox_headers(call.headers, self.settings.tags)
        if caller.unseen:
            async with self.strangers.turn(caller.key.fingerprint):
                again = self.door.identify(call.headers, self.fares.writer.directory, now_us())
                await self._route(call, again, asked)
            return
        await self._route(call, caller, asked)

    async def _route(self, call: Call, caller: Caller, asked: Asked) -> None:
        route = call.routed.route
        if route is Route.SUBMIT:
            await self._submit(call, caller, asked)
        elif route is Route.POLL:
            await self._poll(call, caller)
        elif route is Route.UPLOAD or caller.own_secret is not None:
            await self._plain(call, caller)
        else:
            raise NotFound

    # A priced submit

    async def _submit(self, call: Call, caller: Caller, asked: Asked) -> None:
        """Reserve the fare, and only then let the call through."""
        if any(n == b"content-encoding" and v.lower() != b"identity" for n, v in call.headers):
            raise UnsupportedEncoding
        body = await call.body(max_bytes=self.settings.max_body, held=self.held)
        if asked.dry_run:
            content, call.ours = await self.assay(caller, call.routed, body)
            await call.answer_json(200, content, call.ours)
            return
        routed = call.routed
        priced = self.quoting.price(routed.surface, routed.segments, body, caller.key, now_us())
        self._note_quote(call, priced)
        upstream_key = self._upstream_key(caller)
        once = once_of(call, caller.key, asked, body)
        try:
            receipt = await self._reserve(call, caller, priced, upstream_key, asked, once)
        except Repeated as repeated:
            await self.repeats.answer(call, repeated.kept, once)
            return
        self._note(call, receipt)
        try:
            answer = await self._send(call, caller, body, upstream_key, submit=True)
        except UpstreamError as error:
            raise await self._not_answered(call, receipt, error) from error
        await self._answered(call, caller, receipt, answer)

    def _note_quote(self, call: Call, priced: Priced) -> None:
        quote = priced.quote
        call.model = quote.model if quote else "other"
        call.resolution = quote.resolution if quote else "other"

    async def _reserve(
        self,
        call: Call,
        caller: Caller,
        priced: Priced,
        upstream_key: str,
        asked: Asked,
        once: Kept | None,
    ) -> Receipt:
        """Take the fare from every budget, durably, or say which one refuses it."""
        at_us = now_us()
        operation = Reserve(
            charge_id=new_id(at_us),
            key=caller.key,
            price=priced,
            account=fingerprint(upstream_key),
            surface=call.routed.surface,
            owner=self.fares.owner,
            tags=_tags(caller.key.tags, asked.tags),
            called=str(priced.order.model or "/".join(call.routed.segments)),
            task=call.routed.segments[-1] if call.routed.segments else "",
            provisional=caller.unseen,
            due_in_us=int(self.settings.upstream_timeout_s * 1e6) + 60_000_000,
            once=once,
        )
        try:
            receipt = await self.fares.reserve(operation)
        except BudgetSpent as spent:
            call.ours = self.quoting.budget_headers(tightest(spent.standings))
            raise self.quoting.refusal(spent, priced, caller.key, at_us) from None
        except KeyHeld as held:
            name = caller.key.team if held.scope == "team" else caller.key.name
            raise KeyPaused(scope=held.scope, name=name) from None
        except KeyGone:
            raise InvalidKey("This API key was revoked.") from None
        self.traffic.reserved(call, receipt)
        return receipt

    async def _not_answered(self, call: Call, receipt: Receipt, error: UpstreamError) -> Refusal:
        """Nothing came back: released if it is proven that nothing was sent, else uncertain."""
        charge_id, unsent = receipt.fare.id, isinstance(error, NotSent)
        if unsent:
            noted = await self.fares.record(Decide(charge_id, None, Ground.UNSENT, "not sent"))
        else:
            noted = await self.fares.record(Doubt(charge_id, "no answer"))
        self._note(call, noted or receipt)
        self.traffic.upstream_failed(call, error)
        fare = "released" if unsent else "uncertain"
        if isinstance(error, TimedOut):
            return UpstreamTimeout(fare=fare)
        return UpstreamUnreachable(fare=fare)

    async def _answered(self, call: Call, caller: Caller, receipt: Receipt, answer: Answer) -> None:
        """Note what the answer says, on disk, before its first byte goes to the caller."""
        fare = receipt.fare
        await self._welcome(caller, answer.status)
        try:
            body = await self._read(call, answer)
        except UpstreamError as error:
            raise await self._not_answered(call, receipt, error) from error
        base = self._base(call, caller)
        if body is None:
            document = await pass_stream(call, answer, base=base, ours=call.ours)
            outcome = submit_outcome(answer.status, document)
            too_large = (answer.status, "[]", None)
            self._note(call, await self._record(fare, outcome, too_large) or receipt)
            return
        headers, passed = as_passed(call, answer, body, base=base)
        document = document_of(answer.headers, body)
        outcome = submit_outcome(answer.status, document)
        self.traffic.upstream_said(call, answer.status, document, outcome)
        if caller.unseen and answer.status == 401:  # noqa: PLR2004
            await self._turned_away(fare)
        else:
            kept = (answer.status, headers_text(headers), passed)
            self._note(call, await self._record(fare, outcome, kept) or receipt)
        await call.answer(answer.status, [*headers, *call.ours], passed)

    async def _read(self, call: Call, answer: Answer) -> bytes | None:
        started = time.perf_counter()
        try:
            return await answer.read(READ_WHOLE_MAX)
        finally:
            call.upstream_s += time.perf_counter() - started

    async def _record(self, fare: Fare, outcome: Outcome, answer: KeptAnswer) -> Receipt | None:
        """Write down what an answer to a submit decides."""
        prediction = outcome.prediction_id
        noted = None
        if prediction is not None and outcome.kind in ("accepted", "completed", "failed"):
            noted = await self.fares.record(self._accept(fare, prediction, answer))
            if noted is not None and noted.fare.prediction_id != prediction:
                return noted  # handed out twice: uncertain, whatever else the answer says
        if outcome.kind == "completed":
            return await self.fares.record(
                Decide(fare.id, outcome.outputs, Ground.ANSWER, outcome.word, answer=answer)
            )
        if outcome.kind in ("failed", "refused"):
            return await self.fares.record(Decide(fare.id, None, Ground.ANSWER, outcome.word))
        if outcome.kind == "accepted" and prediction is not None:
            return noted
        return await self.fares.record(Doubt(fare.id, outcome.word, fare.account, prediction))

    def _accept(self, fare: Fare, prediction_id: str, answer: KeptAnswer) -> Accept:
        return Accept(
            fare.id,
            fare.account,
            prediction_id,
            charge_now=self.settings.charge_on == "submit" and fare.price_status != UNPRICED,
            due_in_us=self.fares.poll_after_us,
            answer=answer,
        )

    # A poll

    async def _poll(self, call: Call, caller: Caller) -> None:
        """Let it through whatever the budget says: its image is paid for already."""
        prediction_id = call.routed.prediction_id or ""
        fare = await self._bought(prediction_id, caller)
        if fare is not None:
            self.fares.seen(fare)
            self._note(call, Receipt(fare, changed=False))
        body = await call.body(max_bytes=self.settings.max_body, held=self.held)
        key = self._upstream_key(caller)
        try:
            answer = await self._send(call, caller, body, key, submit=False)
            await self._welcome(caller, answer.status)
            answered = await self._read(call, answer)
        except UpstreamError as error:
            self.traffic.upstream_failed(call, error)
            silent = UpstreamTimeout if isinstance(error, TimedOut) else UpstreamUnreachable
            raise silent from error
        base = self._base(call, caller)
        if answered is None:
            document = await pass_stream(call, answer, base=base, ours=call.ours)
            await self._learn(call, fare, prediction_id, answer.status, document)
            return
        if fare is not None and (fare.state in OPEN or fare.ground in UNPROVEN):
            document = document_of(answer.headers, answered)
            await self._learn(call, fare, prediction_id, answer.status, document)
        headers, passed = as_passed(call, answer, answered, base=base)
        await call.answer(answer.status, [*headers, *call.ours], passed)

    async def _bought(self, prediction_id: str, caller: Caller) -> Fare | None:
        """Find the fare of a prediction; with a Farebox key only what this key bought exists."""
        if caller.unseen:
            return None
        fare = await self.fares.find(prediction_id, caller.key)
        if fare is None and caller.own_secret is None:
            raise PredictionNotFound
        return fare

    async def _learn(
        self, call: Call, fare: Fare | None, prediction_id: str, status: int, document: object
    ) -> None:
        """Settle or release what a poll shows to be over; once, however often it is read."""
        if fare is None:
            return
        outcome = poll_outcome(status, document, asked=prediction_id)
        if outcome.kind not in ("completed", "failed"):
            return
        outputs = outcome.outputs if outcome.kind == "completed" else None
        noted = await self.fares.record(Decide(fare.id, outputs, Ground.ANSWER, outcome.word))
        if noted is not None:
            self._note(call, noted)

    # Everything else

    async def _plain(self, call: Call, caller: Caller | None) -> None:
        """Relay a call that is not priced: an upload, a caller's own business, OPTIONS."""
        body = await call.body(max_bytes=self.settings.max_body, held=self.held)
        key = self._upstream_key(caller) if caller else ""
        try:
            answer = await self._send(call, caller, body, key, submit=True)
            if caller is not None:
                await self._welcome(caller, answer.status)
            answered = await self._read(call, answer)
        except UpstreamError as error:
            self.traffic.upstream_failed(call, error)
            silent = UpstreamTimeout if isinstance(error, TimedOut) else UpstreamUnreachable
            raise silent from error
        if answered is None:
            await pass_stream(call, answer, base=None, ours=[])
        else:
            headers, passed = as_passed(call, answer, answered, base=None)
            await call.answer(answer.status, headers, passed)

    async def _send(
        self, call: Call, caller: Caller | None, body: bytes, key: str, *, submit: bool
    ) -> Answer:
        farebox = caller is not None and caller.own_secret is None
        headers = forwarded(
            call.headers,
            drop_key=farebox or caller is None,
            upstream_key=key if farebox else None,
            spelling=self.settings.upstream_auth,
            identity=caller is not None,
        )
        pool = caller.key.id if caller else "nobody"
        started = time.perf_counter()
        try:
            return await self.upstream.send(
                call.method, call.target, headers, body, pool=pool, submit=submit
            )
        finally:
            call.upstream_s += time.perf_counter() - started

    def _upstream_key(self, caller: Caller) -> str:
        """Find the GPT Proto key that pays for a call."""
        if caller.own_secret is not None:
            return caller.own_secret
        named = caller.key.upstream_key_env
        key = self.environ.get(named) if named else self.settings.upstream_key
        if not key:
            raise UpstreamKeyMissing
        return key

    def _base(self, call: Call, caller: Caller) -> str | None:
        """Name the base that poll URLs get; None where they stay as they are."""
        mode = self.settings.poll_urls
        if mode == "unchanged" or (mode == "auto" and caller.own_secret is not None):
            return None
        settings = self.settings
        return public_base(
            call.scope, public_url=settings.public_url, trusted=settings.trusted_proxies
        )

    async def _welcome(self, caller: Caller, status: int) -> None:
        """Keep an own key that the upstream did not turn away; its secret in memory only."""
        if caller.own_secret is None or status == 401:  # noqa: PLR2004
            return
        if caller.unseen:
            try:
                await self.fares.writer.transact(registry.keep_own(caller.key.fingerprint))
            except LedgerFault:
                return  # the next call finds it unseen again; its fares stand under its id
        self.secrets[caller.key.fingerprint] = caller.own_secret

    async def _turned_away(self, fare: Fare) -> None:
        """Remove the traces of a key that the upstream does not know."""
        await self.fares.record(Purge(fare.id))

    def _note(self, call: Call, receipt: Receipt) -> None:
        """Put the charge's state into the answer's headers and the call's log line."""
        fare = receipt.fare
        call.charge_id, call.state, call.cost_micros = fare.id, fare.state, fare.cost_micros
        call.model, call.resolution = fare.model, fare.resolution
        call.ours = [
            (b"x-farebox-charge-id", fare.id.encode()),
            (b"x-farebox-charge-state", fare.state.encode()),
        ]
        if fare.price_status != UNPRICED:
            call.ours.append((b"x-farebox-cost-usd", usd(fare.cost_micros).encode()))
            call.ours.append((b"x-farebox-price-version", fare.price_version.encode()))
        if call.routed.route is Route.SUBMIT:
            call.ours += self.quoting.budget_headers(tightest(receipt.standings))


def _tags(of_key: Mapping[str, str], of_call: Mapping[str, str]) -> str:
    if not of_key and not of_call:
        return "{}"
    return json.dumps({**of_key, **of_call}, sort_keys=True, separators=(",", ":"))
