"""Which thresholds a budget has passed, and what is said about it. Pure."""

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from pricing import usd
from proxy.budget import INSTALLATION, Standing
from proxy.instants import instant, local

RAISED, RESOLVED = "raised", "resolved"
_WHOLE: Final = 100
_PREFIX: Final = "whsec_"  # of a secret in base64, as Standard Webhooks writes them

State = Literal["raised", "resolved"]


@dataclass(frozen=True, slots=True)
class Mark:
    """A threshold of one budget in one period; told at most once each way."""

    scope: str
    window: str
    period: str
    threshold: int  # per cent


@dataclass(frozen=True, slots=True)
class Notice:
    """Something to be told."""

    mark: Mark
    state: State
    body: str

    @property
    def id(self) -> str:
        """Name it, the same on every try, so that a receiver can drop a second copy."""
        mark = self.mark
        words = (mark.scope, mark.window, mark.period, str(mark.threshold), self.state)
        return f"ntc_{hashlib.sha256(chr(0).join(words).encode()).hexdigest()[:24]}"


def passed(standing: Standing, thresholds: Iterable[int]) -> list[int]:
    """List the thresholds that a budget has reached. Reserved money counts as spent."""
    limit = standing.limit_micros
    gone = standing.settled_micros + standing.reserved_micros
    if limit is None or gone <= 0:
        return []
    return [each for each in thresholds if gone * _WHOLE >= limit * each]


def news(
    scope: str,
    standing: Standing,
    thresholds: Sequence[int],
    told: Iterable[tuple[Mark, State]],
    now_us: int,
) -> list[Notice]:
    """Compare what is with what was told of this period."""
    known, high = set(told), passed(standing, thresholds)
    found: list[Notice] = []
    for threshold in thresholds:
        mark = Mark(scope, standing.budget.window, standing.period, threshold)
        if threshold in high and (mark, RAISED) not in known:
            found.append(_notice(mark, "raised", standing, now_us, ""))
    for mark, state in known:
        over = state == RAISED and (mark, RESOLVED) not in known and mark.threshold not in high
        if over and mark.period == standing.period:
            found.append(_notice(mark, "resolved", standing, now_us, "there is room again"))
    return found


def ended(mark: Mark, standing: Standing, now_us: int) -> Notice:
    """Say that a period is over in which a threshold was passed."""
    return _notice(mark, "resolved", standing, now_us, "a new period has begun")


def _notice(mark: Mark, state: State, standing: Standing, now_us: int, why: str) -> Notice:
    budget = standing.budget
    gone = standing.settled_micros + standing.reserved_micros
    limit, left = standing.limit_micros, standing.remaining_micros
    facts = {
        "type": "budget.threshold",
        "state": state,
        "threshold_percent": mark.threshold,
        "scope": budget.scope,
        "name": budget.name,
        "window": mark.window,
        "period": mark.period,
        "timezone": standing.timezone,
        "limit_usd": None if limit is None else usd(limit),
        "spent_usd": usd(standing.settled_micros),
        "reserved_usd": usd(standing.reserved_micros),
        "remaining_usd": None if left is None else usd(left),
        "percent": None if not limit else gone * _WHOLE // limit,
        "resets_at": local(standing.resets_us, standing.timezone).isoformat(),
        "enforced": budget.enforced,
        "at": instant(now_us).isoformat(),
        "text": _sentence(mark, state, standing, why),
    }
    return Notice(mark, state, json.dumps(facts, separators=(",", ":")))


def _sentence(mark: Mark, state: State, standing: Standing, why: str) -> str:
    budget = standing.budget
    whose = (
        "the installation" if budget.scope == INSTALLATION else f"{budget.scope} '{budget.name}'"
    )
    which = f"{'Daily' if mark.window == 'day' else 'Monthly'} budget of {whose}"
    if state == RESOLVED:
        return f"{which}: below {mark.threshold}% again, {why}."
    gone = usd(standing.settled_micros + standing.reserved_micros)
    limit = usd(standing.limit_micros or 0)
    resets = local(standing.resets_us, standing.timezone).isoformat()
    return f"{which}: {mark.threshold}% reached, {gone} of {limit} USD; resets {resets}."


def signature(secret: str, notice_id: str, at: datetime, body: bytes) -> str:
    """Sign as Standard Webhooks does: HMAC-SHA256 of `id.timestamp.body`, base64, `v1,` before."""
    signed = f"{notice_id}.{int(at.timestamp())}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(_bytes(secret), signed, "sha256")).decode()


def _bytes(secret: str) -> bytes:
    if not secret.startswith(_PREFIX):
        return secret.encode()
    try:
        return base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except binascii.Error:
        return secret.encode()
