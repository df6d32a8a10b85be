"""Weeks of made-up fares, written by the ledger's own operations with the clock set back."""

import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from pricing import BUNDLED, Quote, load_tables, quote
from proxy.charge import Ground
from proxy.directory import Key
from proxy.instants import epoch_us
from proxy.ledger import registry, versions
from proxy.ledger.operation import Operation
from proxy.ledger.outcomes import Accept, Decide, Doubt
from proxy.ledger.reserve import Reserve
from proxy.order import read_order
from tests.ledger.world import Clock, Ledger

FLASH = "gemini-3.1-flash-image-preview"
PRO = "gemini-3-pro-image-preview"
DAYS = 62
# key: team, daily limit in dollars, projects it tags its calls with
KEYS = {
    "web": ("storefront", 20, ("shop", "blog")),
    "campaigns": ("marketing", 4, ("autumn",)),
    "research": ("labs", 30, ("eval", "")),
    "loner": ("", 3, ("",)),
}
WANTED = (
    ("google", FLASH, "1K", 6),
    ("google", FLASH, "4K", 2),
    ("google", PRO, "1K", 3),
    ("google", PRO, "2K", 2),
    ("google", PRO, "4K", 2),
    ("google", "gemini-2.5-flash-image", None, 3),
    ("bytedance", "seedream-4-5-251128", "2K", 1),
)
ENDINGS = ("settled",) * 14 + ("failed", "assumed", "corrected", "fewer")


@dataclass(frozen=True)
class Story:
    """What was seeded: the instant it ends at, and the keys' secrets."""

    now: datetime
    secrets: dict[str, str]


def seed(url: str, now: datetime, *, days: int = DAYS) -> Story:
    """Write a history that ends at an instant: the same fares for the same instant."""
    clock = Clock((now - timedelta(days=days)).isoformat())
    ledger = Ledger(url, clock)
    try:
        return _Writer(ledger, clock, now).write(days)
    finally:
        ledger.close()


class _Writer:
    def __init__(self, ledger: Ledger, clock: Clock, now: datetime) -> None:
        self.ledger, self.clock, self.now = ledger, clock, now
        self.chosen = random.Random(11)  # noqa: S311
        self.book = load_tables(BUNDLED)
        self.keys: dict[str, Key] = {}

    def write(self, days: int) -> Story:
        secrets = self._keys()
        for day in range(days, 0, -1):
            for hour in (3, 9, 14, 20):
                at = self.now - timedelta(days=day) + timedelta(hours=hour, minutes=7)
                self._batch(at, [f"{day}-{hour}-{n}" for n in range(self.chosen.randint(1, 4))])
        for minutes in (55, 25, 8):
            at = self.now - timedelta(minutes=minutes)
            self._batch(at, [f"0-{minutes}-{n}" for n in range(6)])
        self._open()
        self.clock.now_us = epoch_us(self.now)
        return Story(self.now, secrets)

    def _keys(self) -> dict[str, str]:
        store, secrets = self.ledger.store, {}
        store.transact(versions.add(self.book.versions, actor="test"))
        for name, (team, limit, _) in KEYS.items():
            change = registry.create_key(
                name, actor="test", team=team, daily_micros=limit * 1_000_000
            )
            made = store.transact(change)
            self.keys[name], secrets[name] = made.key, made.secret
        for team, monthly in (("storefront", 400), ("marketing", 60), ("*", 2000)):
            store.transact(
                registry.set_team(team, {"monthly_micros": monthly * 1_000_000}, actor="test")
            )
        return secrets

    def _quote(self) -> Quote:
        vendor, model, size, _ = self.chosen.choices(WANTED, [w[3] for w in WANTED])[0]
        body = b'{"prompt": "a cat"%s}' % (b', "size": "%s"' % size.encode() if size else b"")
        order = read_order("path", (vendor, model, "text-to-image"), body)
        return quote(order, self.book.at(self.now))

    def _batch(self, at: datetime, names: list[str]) -> None:
        self.clock.now_us = epoch_us(at)
        operations: list[Operation] = []
        late: list[Operation] = []
        for name in names:
            charge_id = f"ch_{name}"
            operations += [self._order(charge_id), Accept(charge_id, "shared", f"p_{name}")]
            ending = self.chosen.choice(ENDINGS)
            operations += _ending(charge_id, ending)
            if ending == "corrected":
                late.append(Decide(charge_id, None, Ground.ANSWER, "failed after all"))
        self._commit(operations)
        self.clock.step(minutes=3)
        self._commit(late)

    def _order(self, charge_id: str) -> Reserve:
        name = self.chosen.choice(list(KEYS))
        project = self.chosen.choice(KEYS[name][2])
        found = self._quote()
        order = self.ledger.order(
            self.keys[name],
            charge_id=charge_id,
            price=lambda _: found,
            tags=f'{{"project":"{project}"}}' if project else "{}",
            body_hash=self.chosen.choice(("a1", "b2", f"c{charge_id}")),
        )
        order.owner = "another-host:1:1"
        return order

    def _commit(self, operations: list[Operation]) -> None:
        for result in self.ledger.store.commit(operations):
            if isinstance(result, Exception):
                raise result

    def _open(self) -> None:
        """Leave some fares open, in every state, and one that sold more than was ordered."""
        self.clock.now_us = epoch_us(self.now - timedelta(minutes=5))
        for number in range(3):
            self._commit([self._order(f"ch_open{number}")])
        self._commit([Accept("ch_open1", "shared", "p_open1")])
        self._commit([Doubt("ch_open2", "cut off")])
        self._commit([self._order("ch_more"), Decide("ch_more", 2, Ground.ANSWER, "completed")])


def _ending(charge_id: str, ending: str) -> list[Operation]:
    if ending == "failed":
        return [Decide(charge_id, None, Ground.ANSWER, "failed")]
    if ending in ("assumed", "corrected"):
        return [Decide(charge_id, 1, Ground.ASSUMED, "nobody came back")]
    return [Decide(charge_id, 1, Ground.ANSWER, "completed")]


def at(text: str) -> datetime:
    """Read an instant in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)
