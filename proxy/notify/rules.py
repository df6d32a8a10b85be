"""Which thresholds a budget has passed, and what is said about it. Pure.

A mark is told in rounds: `raised`, then `resolved`, then perhaps the next round. It is raised as
soon as it is reached, unless that was the last word; what is held counts as spent. It is resolved
at once when the limit is another one than the one told, or a new period has begun. That money came
back is no news by itself, for the next call may hold it again: then the budget must have stayed
below for a while, which doubles with each round of the period, so that holds that come and go are
told a few times a day, however many there are. At rest the last word of a mark is true.
"""

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from pricing import usd
from proxy.budget import INSTALLATION, Standing
from proxy.instants import instant, local

RAISED, RESOLVED = "raised", "resolved"
CALM_US: Final = 10_000_000  # below for so long is over, in a mark's first round
CALM_MAX_US: Final = 3_600_000_000
_WHOLE: Final = 100
_PREFIX: Final = "whsec_"  # of a secret in base64, as Standard Webhooks writes them

State = Literal["raised", "resolved"]


@dataclass(frozen=True, slots=True)
class Mark:
    """A threshold of one budget in one period."""

    scope: str
    window: str
    period: str
    threshold: int  # per cent


@dataclass(frozen=True, slots=True)
class Told:
    """The last word of a mark: in which of its rounds, and at which limit (micro-USD)."""

    state: State
    round: int
    limit_micros: int | None


@dataclass(frozen=True, slots=True)
class Notice:
    """Something to be told."""

    mark: Mark
    state: State
    body: str
    round: int = 1
    limit_micros: int | None = None

    @property
    def id(self) -> str:
        """Name it, the same on every try, so that a receiver can drop a second copy."""
        mark = self.mark
        words = [mark.scope, mark.window, mark.period, str(mark.threshold), self.state]
        if self.round > 1:
            words.append(str(self.round))
        return f"ntc_{hashlib.sha256(chr(0).join(words).encode()).hexdigest()[:24]}"


def passed(standing: Standing, thresholds: Iterable[int]) -> list[int]:
    """List the thresholds that a budget has reached. Reserved money counts as spent."""
    limit = standing.limit_micros
    gone = standing.settled_micros + standing.reserved_micros
    if limit is None or gone <= 0:
        return []
    return [each for each in thresholds if gone * _WHOLE >= limit * each]


def below(scope: str, standing: Standing, told: Mapping[Mark, Told]) -> dict[Mark, Told]:
    """List the marks of a budget that were raised last, and are not reached now."""
    place = (scope, standing.budget.window, standing.period)
    return {
        mark: last
        for mark, last in told.items()
        if (mark.scope, mark.window, mark.period) == place
        and last.state == RAISED
        and not passed(standing, [mark.threshold])
    }


def calm_us(turn: int) -> int:
    """Say how long a mark must have been below in its n-th round until that is told."""
    return min(CALM_US << min(turn - 1, 32), CALM_MAX_US)


def news(
    scope: str,
    standing: Standing,
    thresholds: Sequence[int],
    told: Mapping[Mark, Told],
    since: Mapping[tuple[Mark, int], int],
    now_us: int,
) -> list[Notice]:
    """Compare what is with what was told of this period.

    `since` says from when on a mark, in a round, was seen below.
    """
    found: list[Notice] = []
    for threshold in passed(standing, thresholds):
        mark = Mark(scope, standing.budget.window, standing.period, threshold)
        last = told.get(mark)
        if last is None or last.state == RESOLVED:
            turn = 1 if last is None else last.round + 1
            found.append(_notice(mark, "raised", standing, now_us, turn))
    for mark, last in below(scope, standing, told).items():
        calm = now_us - since.get((mark, last.round), now_us) >= calm_us(last.round)
        if calm or last.limit_micros != standing.limit_micros:
            why = "there is room again"
            found.append(_notice(mark, "resolved", standing, now_us, last.round, why))
    return found


def ended(mark: Mark, last: Told, standing: Standing, now_us: int) -> Notice:
    """Say that a period is over in which a threshold was passed."""
    return _notice(mark, "resolved", standing, now_us, last.round, "a new period has begun")


def _notice(
    mark: Mark, state: State, standing: Standing, now_us: int, turn: int, why: str = ""
) -> Notice:
    return Notice(
        mark=mark,
        state=state,
        body=json.dumps(_facts(mark, state, standing, now_us, why), separators=(",", ":")),
        round=turn,
        limit_micros=standing.limit_micros,
    )


def _facts(
    mark: Mark, state: State, standing: Standing, now_us: int, why: str
) -> dict[str, object]:
    budget = standing.budget
    gone = standing.settled_micros + standing.reserved_micros
    limit, left = standing.limit_micros, standing.remaining_micros
    return {
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
