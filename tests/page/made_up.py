"""A ledger with a month of made-up history: teams, keys, fares in every state."""

from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from pricing import load_tables, parse_usd, quote
from pricing.load import BUNDLED
from proxy.charge import Ground
from proxy.clock import now_us
from proxy.fares import new_id
from proxy.ledger import registry, versions
from proxy.ledger.operation import Receipt
from proxy.ledger.outcomes import Accept, Decide, Doubt
from proxy.ledger.reserve import Reserve
from proxy.ledger.schema import migrate, open_session
from proxy.ledger.store import Store
from proxy.order import read_order

DAY_US = 86_400_000_000
HOSTILE = "<img src=x onerror=alert(1)>"
WORK = (
    ("google", "gemini-3-pro-image-preview", "4K"),
    ("google", "gemini-3-pro-image-preview", "1K"),
    ("google", "gemini-3.1-flash-image-preview", "1K"),
    ("google", "gemini-3.1-flash-image-preview", "0.5K"),
    ("google", "gemini-2.5-flash-image", "1K"),
    ("alibaba", "qwen-image", "1K"),
)
KEYS = (
    ("web-shop", "storefront", "3"),
    ("newsletter", "storefront", "1.2"),
    ("ad-banners", "marketing", "2"),
    ("ana.laptop", "marketing", "0.5"),
    ("thumbnails", "media-lab", "4"),
    ("batch-2026", "media-lab", "0.05"),
    ("intern", "", "1"),
)


@dataclass
class History:
    """Writes fares as they would have come, at instants of its own."""

    store: Store
    random: Random = field(default_factory=lambda: Random(7))  # noqa: S311
    secrets: dict[str, str] = field(default_factory=dict)
    uncertain: list[str] = field(default_factory=list)

    def at(self, at_us: int) -> None:
        """Set the ledger's clock."""
        self.store.session.now_us = lambda: at_us

    def keys(self) -> None:
        for name, team, daily in KEYS:
            facts: dict[str, Any] = {"team": team, "daily_micros": parse_usd(daily)}
            made = self.store.transact(registry.create_key(name, actor="seed", **facts))
            self.secrets[name] = made.secret
        team = {"daily_micros": 5_000_000, "monthly_micros": 60_000_000}
        self.store.transact(registry.set_team("storefront", team, actor="seed"))
        self.store.transact(registry.set_team("*", {"daily_micros": 9_000_000}, actor="seed"))

    def buy(self, key_name: str, at_us: int, *, end: str = "settled", called: str = "") -> str:
        """Let a key buy one image; `end` is the state that its fare comes to."""
        self.at(at_us)
        vendor, model, size = self.random.choice(WORK)
        segments = (vendor, model, "text-to-image")
        order = read_order("path", segments, b'{"size": "%s"}' % size.encode())
        table = load_tables(BUNDLED).versions[-1]
        charge_id = new_id(at_us)
        operation = Reserve(
            charge_id, registry.find(self.store, key_name), lambda _: quote(order, table), "acct",
            "path", "elsewhere:1:1", called=called,
        )  # fmt: skip
        if self.run(operation) is None:  # the day's budget is spent: that is history too
            return ""
        if end == "reserved":
            return charge_id
        if end == "uncertain":
            self.run(Doubt(charge_id, "the line broke before the upstream answered"))
            self.uncertain.append(charge_id)
            return charge_id
        self.run(Accept(charge_id, "acct", f"pred_{charge_id[3:]}"))
        if end == "accepted":
            return charge_id
        self.at(at_us + self.random.randrange(6, 40) * 1_000_000)
        outputs = 1 if end == "settled" else None
        self.run(Decide(charge_id, outputs, Ground.ANSWER, "completed" if outputs else "failed"))
        return charge_id

    def run(self, operation: Any) -> Receipt | None:
        result = self.store.commit([operation])[0]
        return result if isinstance(result, Receipt) else None


def empty(path: Path) -> Store:
    """Open a new ledger that holds the price tables and nothing else."""
    url = f"sqlite:///{path}"
    migrate(url)
    store = Store(open_session(url), default_daily_micros=25_000_000)
    store.session.run("PRAGMA synchronous=OFF")  # nobody will miss it
    store.open()
    store.transact(versions.add(load_tables(BUNDLED).versions, actor="start"))
    return store


def month(path: Path, *, days: int = 30, calls: int = 600) -> History:
    """Fill a new ledger; the last calls came a moment ago."""
    history = History(empty(path))
    history.keys()
    now, chance = now_us(), history.random
    names = [name for name, _, _ in KEYS]
    weights = (8, 3, 5, 2, 9, 1, 1)
    moments = sorted(now - int(chance.random() ** 2.2 * days * DAY_US) for _ in range(calls))
    for moment in moments:
        end = chance.choices(("settled", "released"), (30, 1))[0]
        name = chance.choices(names, weights)[0]
        history.buy(name, moment, end=end)
    for back_s, name, end in (
        (900, "web-shop", "uncertain"), (700, "thumbnails", "uncertain"),
        (90, "ad-banners", "accepted"),
        (50, "web-shop", "released"), (40, "thumbnails", "accepted"), (9, "web-shop", "reserved"),
    ):  # fmt: skip
        history.buy(name, now - back_s * 1_000_000, end=end)
    history.at(now)
    return history
