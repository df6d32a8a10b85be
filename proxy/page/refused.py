"""The last calls that this process refused, in memory: the ledger keeps no refusals."""

from collections import deque
from dataclasses import dataclass, field
from typing import Final

from proxy.call import Call
from proxy.clock import now_us

KEPT_MAX: Final = 200
WHY_CHARS: Final = 400


@dataclass(frozen=True, slots=True)
class Refused:
    """One refusal: when, whose call, and why in the words the caller got."""

    at_us: int
    key_name: str
    team: str
    reason: str
    why: str


@dataclass(slots=True)
class RecentRefusals:
    """What one worker refused since it started, newest first."""

    since_us: int = field(default_factory=now_us)
    count: int = 0
    _kept: deque[Refused] = field(default_factory=lambda: deque(maxlen=KEPT_MAX))

    def note(self, call: Call, reason: str, why: str) -> None:
        """Remember a refusal."""
        self.count += 1
        seen = Refused(now_us(), call.key_name, call.team, reason, why[:WHY_CHARS])
        self._kept.appendleft(seen)

    def last(self, count: int, *, key_name: str | None = None) -> list[Refused]:
        """List the newest ones, of one key or of all."""
        found = (r for r in self._kept if key_name is None or r.key_name == key_name)
        return [r for r, _ in zip(found, range(count), strict=False)]
