"""Every way Farebox says no, with the status, type and facts of each.

Refusal
├── RuleRefusal                400 on the unified surface
│   ├── BudgetExceeded         402  a budget has less left than the call costs
│   ├── ModelNotAllowed        403  the key may not use this model, resolution or price
│   ├── KeyPaused              403  key, team or installation is paused
│   ├── IdempotencyInProgress  409  the first call is still running, uncertain or too large
│   └── IdempotencyMismatch    422  another request under the same key
├── UnknownPrice               400  model, resolution or route without a price
├── RequestNotUnderstood       400  the price could be read in two ways
├── BadRequest                 400  not a request we could relay
├── InvalidKey                 401  missing, unknown, revoked, expired, or two keys
├── NotFound                   404  no such route
│   └── PredictionNotFound     404  no prediction that this key bought
├── MethodNotAllowed           405
├── RequestTimeout             408  the request came too slowly
├── PayloadTooLarge            413
├── UnsupportedEncoding        415
├── HeadersTooLarge            431
├── Unavailable                503 and Retry-After
│   ├── LedgerUnavailable      no durable reservation can be made
│   ├── UpstreamKeyMissing     no upstream key for a Farebox key
│   ├── Draining               shutting down
│   └── Overloaded             too many calls in flight
└── UpstreamSilent             nothing came back
    ├── UpstreamUnreachable    502
    └── UpstreamTimeout        504

Beside each its `code`, which is its status too; section 5 of the interface is the table.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import ClassVar

from pricing import usd
from proxy.refusal import Refusal, envelope, error_object, shown

__all__ = ["Refusal", "envelope", "error_object", "shown"]  # the rest is the tree


class RuleRefusal(Refusal):
    """A refusal by a rule of ours: the vendor's SDK shows a reason only at 400."""

    unified_status = 400


class BudgetExceeded(RuleRefusal):
    """A budget has less left than the call costs; every amount is in micro-USD.

    A team's or the installation's limit and spend are shown only with `show_shared`.
    """

    type, code = "budget_exceeded", 402
    status_is_a_setting = True

    def __init__(
        self,
        *,
        scope: str,
        name: str,
        window: str,
        limit_micros: int,
        spent_micros: int,
        reserved_micros: int,
        price_micros: int,
        remaining_micros: int,
        resets_at: datetime,
        affordable: Sequence[str] = (),
        show_shared: bool = False,
    ) -> None:
        self.scope, self.name, self.window = scope, name, window
        self.limit_micros, self.spent_micros = limit_micros, spent_micros
        self.reserved_micros, self.price_micros = reserved_micros, price_micros
        self.remaining_micros = max(0, remaining_micros)
        self.resets_at = resets_at
        self.affordable = tuple(affordable)
        self.open = scope == "key" or show_shared
        super().__init__(self._sentence(), self._facts())

    def _sentence(self) -> str:
        whose = (
            "the installation" if self.scope == "installation" else f"{self.scope} '{self.name}'"
        )
        which = {"day": "Daily", "month": "Monthly"}[self.window]
        of_limit = f" of {usd(self.limit_micros)}" if self.open else ""
        return (
            f"{which} budget of {whose}: {usd(self.remaining_micros)}{of_limit} USD left, "
            f"this call costs {usd(self.price_micros)}; resets {self.resets_at.isoformat()}."
        )

    def _facts(self) -> dict[str, object]:
        facts: dict[str, object] = {"scope": self.scope, "name": self.name, "window": self.window}
        if self.open:
            facts["limit_usd"] = usd(self.limit_micros)
            facts["spent_usd"] = usd(self.spent_micros)
            facts["reserved_usd"] = usd(self.reserved_micros)
        facts["price_usd"] = usd(self.price_micros)
        facts["remaining_usd"] = usd(self.remaining_micros)
        facts["resets_at"] = self.resets_at.isoformat()
        facts["affordable"] = list(self.affordable)
        return facts


class ModelNotAllowed(RuleRefusal):
    """The key may not use this model, this resolution, or a call at this price."""

    type, code = "model_not_allowed", 403


class KeyPaused(RuleRefusal):
    """The key, its team or the installation is paused."""

    type, code = "key_paused", 403

    def __init__(self, *, scope: str, name: str) -> None:
        self.scope, self.name = scope, name
        whose = "The installation" if scope == "installation" else f"{scope.title()} '{name}'"
        super().__init__(f"{whose} is paused.", {"scope": scope, "name": name})


class IdempotencyInProgress(RuleRefusal):
    """The first call under this Idempotency-Key cannot be replayed now; `why` says the reason."""

    type, code = "idempotency_in_progress", 409

    def __init__(self, *, why: str, prediction_id: str | None = None) -> None:
        self.prediction_id = prediction_id
        named: dict[str, object] = {"prediction_id": prediction_id} if prediction_id else {}
        of = f" Its prediction is {shown(prediction_id)}." if prediction_id else ""
        super().__init__(f"The first call under this Idempotency-Key {why}.{of}", named or None)


class IdempotencyMismatch(RuleRefusal):
    """Another request stands under the same Idempotency-Key."""

    type, code = "idempotency_mismatch", 422
    words = "This Idempotency-Key was used for another request; use a new one."


class UnknownPrice(Refusal):
    """Model, resolution or route has no price, and `why`; `nearest` is a model of a like name."""

    type, code = "price_unknown", 400

    def __init__(self, *, what: str, nearest: str | None = None, why: str = "") -> None:
        self.what, self.nearest, because = what, nearest, f": it {why}" if why else ""
        hint = f" Nearest known model: '{nearest}'." if nearest not in (None, what) else ""
        message = f"No price is known for '{shown(what)}'{because}.{hint}"
        if not what:
            message = f"No price is known: {why or 'no model is named'}."
        super().__init__(message, {"model": shown(what), "nearest": nearest})


class RequestNotUnderstood(Refusal):
    """The price could be read in two ways; `member` is where."""

    type, code = "request_not_understood", 400

    def __init__(self, *, member: str, why: str) -> None:
        self.member, self.why = member, why
        super().__init__(f"'{shown(member)}': {shown(why)}.", {"member": shown(member)})


class BadRequest(Refusal):
    """Not a request that we could relay."""

    type, code = "bad_request", 400


class InvalidKey(Refusal):
    """The key is missing, unknown, revoked, expired or malformed, or there are two."""

    type, code = "invalid_key", 401
    words = "This API key is not known."


class NotFound(Refusal):
    """No such route."""

    type, code = "not_found", 404
    words = "No such route; the base URL ends before /api/v3."


class PredictionNotFound(NotFound):
    """No prediction that this key bought: the same words for another's id as for no id at all."""

    type = "prediction_not_found"
    words = "No prediction of this key has this id."


class MethodNotAllowed(Refusal):
    """The route exists, the method does not."""

    type, code = "method_not_allowed", 405

    def __init__(self, allowed: Sequence[str] = ()) -> None:
        self.allowed = tuple(allowed)
        also = f" It takes {', '.join(self.allowed)}." if self.allowed else ""
        super().__init__(f"This route does not take this method.{also}")

    @property
    def headers(self) -> list[tuple[bytes, bytes]]:
        """Return the marks of a refusal and the methods that the route does take."""
        allow = [(b"allow", ", ".join(self.allowed).encode())] if self.allowed else []
        return [*super().headers, *allow]


class RequestTimeout(Refusal):
    """The request came more slowly than the deadlines of section 9."""

    type, code = "request_timeout", 408
    words = "The request did not arrive in time."


class PayloadTooLarge(Refusal):
    """The body is larger than `FAREBOX_MAX_BODY` (bytes)."""

    type, code = "payload_too_large", 413

    def __init__(self, *, limit: int) -> None:
        self.limit = limit
        super().__init__(f"The request body is larger than {limit} bytes.", {"limit_bytes": limit})


class UnsupportedEncoding(Refusal):
    """The body of a priced submit is in an encoding that we cannot read."""

    type, code = "unsupported_encoding", 415
    words = "A priced submit must be sent as plain JSON."


class HeadersTooLarge(Refusal):
    """More than 32 KiB or 100 fields of request headers."""

    type, code = "headers_too_large", 431
    words = "The request headers are larger than 32 KiB or 100 fields."


class Unavailable(Refusal):
    """We cannot take the call now; the same call may fit later."""

    code = 503
    retry_after_s: ClassVar[int | None] = 1


class LedgerUnavailable(Unavailable):
    """No durable reservation can be made, so nothing is sent."""

    type, retry_after_s = "ledger_unavailable", 5
    words = "No fare can be reserved now; nothing was sent."


class UpstreamKeyMissing(Unavailable):
    """There is no upstream key for a Farebox key."""

    type, retry_after_s = "upstream_key_missing", 60
    words = "No upstream key is set for this Farebox key."


class Draining(Unavailable):
    """This process is shutting down."""

    type = "draining"
    words = "This server is shutting down; try again."


class Overloaded(Unavailable):
    """Too many calls are in flight, or too many bytes are held."""

    type = "overloaded"
    words = "Too many calls are in flight; try again."


class UpstreamSilent(Refusal):
    """Nothing came back; `fare` is the charge's state now, None where nothing was charged."""

    happened: ClassVar[str]

    def __init__(self, *, fare: str | None = None) -> None:
        self.fare = fare
        stands = {
            "released": " Nothing was sent; the fare is released.",
            "uncertain": " The call was sent; the fare is uncertain until its outcome is known.",
        }.get(fare or "", "")
        super().__init__(self.happened + stands, {"charge_state": fare} if fare else None)


class UpstreamUnreachable(UpstreamSilent):
    """The line to the upstream could not be made, or broke."""

    type, code, happened = "upstream_unreachable", 502, "The upstream could not be reached."


class UpstreamTimeout(UpstreamSilent):
    """The upstream did not answer within `FAREBOX_UPSTREAM_TIMEOUT`."""

    type, code, happened = "upstream_timeout", 504, "The upstream did not answer in time."
