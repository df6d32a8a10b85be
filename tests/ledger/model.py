"""The ledger on one page: what `test_machine` expects, kept in dictionaries. No code is shared."""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

OPEN = {"reserved", "accepted", "uncertain"}
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass
class Fare:
    """One charge."""

    id: str
    key: str
    team: str
    key_day: str
    day: str
    unit: int
    reserved: int
    state: str = "reserved"
    settled: int = 0
    sold: bool = False
    ground: str = ""
    prediction: str = ""


@dataclass
class Key:
    """One key; limits in micro-USD, None unlimited."""

    team: str
    zone: str
    shadow: bool = False
    state: str = "active"
    limits: dict[str, int | None] = field(default_factory=lambda: {"day": None, "month": None})


@dataclass
class Model:
    """Everything there is."""

    keys: dict[str, Key] = field(default_factory=dict)
    limits: dict[tuple[str, str], int | None] = field(default_factory=dict)  # (scope, window)
    paused: set[str] = field(default_factory=set)
    fares: dict[str, Fare] = field(default_factory=dict)
    latest: dict[str, str] = field(default_factory=lambda: defaultdict(str))

    def today(self, key: str, now_us: int) -> tuple[str, str]:
        """Say the day of a key, and of everybody; neither ever goes back."""
        now = EPOCH + timedelta(microseconds=now_us)
        mine = now.astimezone(ZoneInfo(self.keys[key].zone)).date().isoformat()
        return max(mine, self.latest[key]), max(now.date().isoformat(), self.latest["*"])

    def used(self, scope: str, period: str) -> int:
        """Sum what a key, a team or everybody ("*") has spent and holds in a day or a month."""
        total = 0
        for fare in self.fares.values():
            if scope not in (fare.key, fare.team, "*"):
                continue
            day = fare.key_day if scope == fare.key else fare.day
            if day.startswith(period):
                total += fare.reserved if fare.state in OPEN else fare.settled
        return total

    def binding(self, key: str, now_us: int) -> list[tuple[str, str, int]]:
        """List the enforced limits of a key: scope, running period, limit."""
        held, (mine, theirs) = self.keys[key], self.today(key, now_us)
        wanted = [(key, "day", mine), (key, "month", mine[:7])] if not held.shadow else []
        for scope in (held.team, "*"):
            wanted += [(scope, "day", theirs), (scope, "month", theirs[:7])]
        limits = {**self.limits, **{(key, w): n for w, n in held.limits.items()}}
        return [
            (scope, period, limit)
            for scope, window, period in wanted
            if (limit := limits.get((scope, window))) is not None
        ]

    def verdict(self, key: str, price: int, now_us: int) -> str:
        """Say whether a call is admitted, and if not, why."""
        held = self.keys[key]
        if held.state == "revoked":
            return "gone"
        if held.state == "paused" or {held.team, "*"} & self.paused:
            return "held"
        fits = (self.used(s, p) + price <= n for s, p, n in self.binding(key, now_us))
        return "admitted" if all(fits) else "spent"

    def reserve(self, name: str, key: str, unit: int, images: int, now_us: int) -> None:
        """Admit a call."""
        mine, theirs = self.today(key, now_us)
        team = self.keys[key].team
        self.fares[name] = Fare(name, key, team, mine, theirs, unit, unit * images)
        self.open_days(key, now_us)

    def open_days(self, key: str, now_us: int) -> None:
        """Note which days have begun: none before them is opened again."""
        self.latest[key], self.latest["*"] = self.today(key, now_us)

    def accept(self, name: str, prediction: str, *, charge_now: bool) -> None:
        """Take the upstream's id; one that another fare has makes this one uncertain."""
        fare = self.fares[name]
        if fare.prediction == prediction:
            return
        if any(f.prediction == prediction for f in self.fares.values()):
            fare.state = "uncertain" if fare.state == "reserved" else fare.state
        elif fare.state in {"reserved", "uncertain"}:
            fare.state, fare.prediction = "accepted", prediction
            if charge_now:
                fare.state, fare.ground, fare.settled = "settled", "submit", fare.reserved
                fare.sold = True
        elif not fare.prediction:  # decided without it: what is said of the id is said of this one
            fare.prediction = prediction

    def doubt(self, name: str, prediction: str) -> None:
        """Nobody can tell."""
        fare = self.fares[name]
        if fare.state in OPEN:
            free = all(f.prediction != prediction for f in self.fares.values())
            fare.prediction = fare.prediction or (prediction if free else "")
            fare.state = "uncertain"

    def decide(self, name: str, outputs: int | None, ground: str) -> None:
        """Settle or release, once; correct what was decided without proof."""
        fare = self.fares[name]
        money = 0 if outputs is None else (outputs * fare.unit or fare.reserved)
        if fare.state in OPEN:
            fare.state = "released" if outputs is None else "settled"
            fare.settled, fare.ground, fare.sold = money, ground, outputs is not None
        elif ground not in {"submit", "assumed"}:
            self._correct(fare, money, outputs, ground)

    def _correct(self, fare: Fare, money: int, outputs: int | None, ground: str) -> None:
        if fare.ground in {"assumed", "hand"}:
            fare.settled, fare.ground, fare.sold = money, ground, outputs is not None
        elif fare.ground == "submit" and outputs is not None:
            fare.settled, fare.ground = max(money, fare.settled), ground
        elif fare.ground == ground == "answer" and fare.sold == (outputs is None):
            fare.settled, fare.ground = money or fare.settled, "contradicted"

    def facts(self) -> dict[str, tuple[str, int, int, str, str]]:
        """Say what the table of charges should hold."""
        return {
            f.id: (f.state, f.reserved, f.settled, f.key_day, f.day) for f in self.fares.values()
        }
