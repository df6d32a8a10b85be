"""What happened, said twice: to the metrics and in one log line a call."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from proxy.answers import Outcome, upstream_error_kind
from proxy.call import Call
from proxy.ledger.fare import UNPRICED, Fare
from proxy.ledger.operation import Receipt
from proxy.logs import CallLog
from proxy.metrics import Metrics
from proxy.tallies import Ended, Tallies
from proxy.upstream import NotSent, TimedOut, UpstreamError


@dataclass
class Traffic:
    """Counts and logs calls; labels come from the price table and the key list only."""

    metrics: Metrics
    log: CallLog
    on_refused: Callable[[Call, str, str], None] = lambda *_: None  # call, reason, in words

    def __post_init__(self) -> None:
        self.tallies = Tallies(self.metrics)

    def begin(self, call: Call) -> None:
        """A call came in."""
        self.tallies.begin(call.label)

    def end(self, call: Call) -> None:
        """A call was answered."""
        took, waited = time.perf_counter() - call.started, call.upstream_s
        ours, model = max(0.0, took - waited), call.model or "other"
        self.tallies.end(Ended(call.label, call.status, took, ours, waited, model))
        self.log.write(call, took)

    def refused(self, call: Call, reason: str, why: str = "") -> None:
        """Farebox said no; `why` is what the caller is told."""
        self.on_refused(call, reason, why)
        key = call.key_label
        self.metrics.refusals(call.team if key != "other" else "", key, reason).inc()
        if reason == "price_unknown":
            self.metrics.unpriced("refused").inc()

    def reserved(self, call: Call, receipt: Receipt) -> None:
        """A fare was taken; for a shadow key perhaps one that would have been refused."""
        if receipt.fare.price_status == UNPRICED:
            self.metrics.unpriced("relayed").inc()
        if receipt.shadowed:
            self.metrics.refusals(call.team, call.key_label, "shadow").inc()
            self.on_refused(call, "shadow", "It was let pass: the key is in shadow mode.")

    def decided(self, fare: Fare) -> None:
        """A fare was decided."""
        if fare.state == "settled" and fare.decided_us is not None:
            spent_us = fare.decided_us - fare.admitted_us
            self.metrics.generation(fare.model, fare.resolution).observe(spent_us / 1e6)

    def upstream_said(self, status: int, document: object, outcome: Outcome) -> None:
        """The upstream answered a submit."""
        if outcome.kind in ("refused", "unclear") or status >= 400:  # noqa: PLR2004
            self.metrics.upstream_errors(upstream_error_kind(status, document)).inc()

    def upstream_failed(self, error: UpstreamError) -> None:
        """The upstream did not answer."""
        kind = "unsent" if isinstance(error, NotSent) else "broken"
        self.metrics.upstream_errors("timeout" if isinstance(error, TimedOut) else kind).inc()
