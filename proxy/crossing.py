"""The way to the upstream and back."""

import logging
import time
from dataclasses import dataclass, field

from proxy.call import Call
from proxy.door import Caller
from proxy.errors import Refusal, UpstreamTimeout, UpstreamUnreachable
from proxy.fares import Fares
from proxy.headers import forwarded
from proxy.heads import Head
from proxy.ledger import registry
from proxy.ledger.session import LedgerFault
from proxy.passing import READ_WHOLE_MAX, Manner, as_passed, pass_stream
from proxy.settings import Settings
from proxy.traffic import Traffic
from proxy.upstream import Answer, TimedOut, Upstream, UpstreamError

log = logging.getLogger("farebox")
NOBODY = "nobody"  # the pool of connections for calls without a key


@dataclass
class Crossing:
    """Takes calls to the upstream and brings their answers back."""

    settings: Settings
    upstream: Upstream
    traffic: Traffic
    fares: Fares
    secrets: dict[str, str] = field(default_factory=dict)  # own keys by fingerprint, in memory

    async def send(self, call: Call, head: Head, body: bytes, *, submit: bool) -> Answer:
        """Send a call on; its answer's head.

        Raises:
            UpstreamKeyMissing: nobody would pay for it.
            UpstreamError: none came; the kind of error says whether the call had left.
        """
        head.paid_by()  # for its error, before anything is done
        if head.fields is None:
            head.fields = self.upstream.fields(head.outgoing)
        pool = head.caller.key.id
        answer = await self._send(call, head.fields, body, pool=pool, submit=submit)
        if head.caller.own_secret is not None:
            await self._welcome(head.caller, head.caller.own_secret, answer.status)
        return answer

    async def _send(
        self,
        call: Call,
        fields: bytes,
        body: bytes,
        *,
        pool: str,
        submit: bool,
    ) -> Answer:
        started = time.perf_counter()
        try:
            return await self.upstream.send(
                call.method, call.target, fields, body, pool=pool, submit=submit
            )
        finally:
            call.upstream_s += time.perf_counter() - started

    async def read(self, call: Call, answer: Answer) -> bytes | None:
        """Read an answer that is small enough to be read before it goes on, else None."""
        if (body := answer.at_hand(READ_WHOLE_MAX)) is not None:
            return body
        started = time.perf_counter()
        try:
            return await answer.read(READ_WHOLE_MAX)
        finally:
            call.upstream_s += time.perf_counter() - started

    def silent(self, error: UpstreamError, *, fare: str | None = None) -> Refusal:
        """Count an upstream that did not answer, and say it to the caller."""
        self.traffic.upstream_failed(error)
        return (UpstreamTimeout if isinstance(error, TimedOut) else UpstreamUnreachable)(fare=fare)

    async def _welcome(self, caller: Caller, secret: str, status: int) -> None:
        """Keep an own key that the upstream did not turn away; its secret in memory only."""
        if status == 401:  # noqa: PLR2004
            return
        if caller.unseen:
            try:
                await self.fares.writer.transact(registry.keep_own(caller.key.fingerprint))
            except LedgerFault:
                return  # the next call finds it unseen again; its fares stand under its id
            except Exception:
                log.exception("an own key could not be kept")  # the answer is paid for: pass it on
                return
        self.secrets[caller.key.fingerprint] = secret

    # Calls that are not priced

    async def plain(self, call: Call, head: Head, body: bytes) -> None:
        """Relay an upload, or what a caller does with its own key, as it is."""
        try:
            answer = await self.send(call, head, body, submit=True)
            await self._back(call, answer, Manner(secret=head.manner.secret))
        except UpstreamError as error:
            raise self.silent(error) from error

    async def keyless(self, call: Call, body: bytes, *, drop_key: bool) -> None:
        """Relay an OPTIONS without a key of ours; `drop_key`: what it carries is not to leave."""
        headers = forwarded(call.headers, drop_key=drop_key, identity=False)
        try:
            fields = self.upstream.fields(headers)
            answer = await self._send(call, fields, body, pool=NOBODY, submit=True)
            await self._back(call, answer, Manner())
        except UpstreamError as error:
            raise self.silent(error) from error

    async def _back(self, call: Call, answer: Answer, manner: Manner) -> None:
        answered = await self.read(call, answer)
        if answered is None:
            await pass_stream(call, answer, manner, ())
        else:
            headers, passed = as_passed(call, answer, answered, manner)
            await call.answer(answer.status, headers, passed)
