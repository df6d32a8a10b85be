"""The way to the upstream and back: whose key pays, what crosses, how the answer goes on."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from proxy.call import Call
from proxy.door import Caller
from proxy.errors import Refusal, UpstreamKeyMissing, UpstreamTimeout, UpstreamUnreachable
from proxy.fares import Fares
from proxy.headers import forwarded
from proxy.ledger import registry
from proxy.ledger.session import LedgerFault
from proxy.passing import READ_WHOLE_MAX, Manner, as_passed, pass_stream
from proxy.public_base import public_base
from proxy.settings import Settings
from proxy.traffic import Traffic
from proxy.upstream import Answer, TimedOut, Upstream, UpstreamError

NOBODY = "nobody"  # the pool of connections for calls without a key


@dataclass
class Crossing:
    """Takes calls to the upstream and brings their answers back."""

    settings: Settings
    upstream: Upstream
    traffic: Traffic
    fares: Fares
    environ: Mapping[str, str]
    secrets: dict[str, str] = field(default_factory=dict)  # own keys by fingerprint, in memory

    def payer(self, caller: Caller) -> str:
        """Find the GPT Proto key that pays for a call.

        Raises:
            UpstreamKeyMissing: there is none for this Farebox key.
        """
        if caller.own_secret is not None:
            return caller.own_secret
        named = caller.key.upstream_key_env
        key = self.environ.get(named) if named else self.settings.upstream_key
        if not key:
            raise UpstreamKeyMissing
        return key

    async def send(self, call: Call, caller: Caller, body: bytes, *, submit: bool) -> Answer:
        """Send a call on; its answer's head.

        Raises:
            UpstreamError: none came; the kind of error says whether the call had left.
        """
        ours = caller.own_secret is None
        headers = forwarded(
            call.headers,
            drop_key=ours,
            upstream_key=self.payer(caller) if ours else None,
            spelling=self.settings.upstream_auth,
        )
        answer = await self._send(call, headers, body, pool=caller.key.id, submit=submit)
        await self._welcome(caller, answer.status)
        return answer

    async def _send(
        self,
        call: Call,
        headers: list[tuple[bytes, bytes]],
        body: bytes,
        *,
        pool: str,
        submit: bool,
    ) -> Answer:
        started = time.perf_counter()
        try:
            return await self.upstream.send(
                call.method, call.target, headers, body, pool=pool, submit=submit
            )
        finally:
            call.upstream_s += time.perf_counter() - started

    async def read(self, call: Call, answer: Answer) -> bytes | None:
        """Read an answer that is small enough to be read before it goes on, else None."""
        started = time.perf_counter()
        try:
            return await answer.read(READ_WHOLE_MAX)
        finally:
            call.upstream_s += time.perf_counter() - started

    def silent(self, error: UpstreamError, *, fare: str | None = None) -> Refusal:
        """Count an upstream that did not answer, and say it to the caller."""
        self.traffic.upstream_failed(error)
        return (UpstreamTimeout if isinstance(error, TimedOut) else UpstreamUnreachable)(fare=fare)

    def manner(self, call: Call, caller: Caller) -> Manner:
        """Say how answers go on to a caller."""
        if caller.own_secret is None:
            return Manner(self._base(call, own=False), self.payer(caller))
        return Manner(self._base(call, own=True))

    def _base(self, call: Call, *, own: bool) -> str | None:
        """Name the base that poll URLs get; None where they stay as they are."""
        settings = self.settings
        if settings.poll_urls == "unchanged" or (settings.poll_urls == "auto" and own):
            return None
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

    # Calls that are not priced

    async def plain(self, call: Call, caller: Caller, body: bytes) -> None:
        """Relay an upload, or what a caller does with its own key, as it is."""
        try:
            answer = await self.send(call, caller, body, submit=True)
            await self._back(call, answer, Manner(secret=self.manner(call, caller).secret))
        except UpstreamError as error:
            raise self.silent(error) from error

    async def keyless(self, call: Call, body: bytes, *, drop_key: bool) -> None:
        """Relay an OPTIONS without a key of ours; `drop_key`: what it carries is not to leave."""
        headers = forwarded(call.headers, drop_key=drop_key, identity=False)
        try:
            answer = await self._send(call, headers, body, pool=NOBODY, submit=True)
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
