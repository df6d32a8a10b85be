"""A ledger in the hands of a test: its clock, its keys, and one call a thing that can happen."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from typing import Any

import pytest

from pricing import Micros, Quote, load_table
from pricing.table import ImagesMode
from proxy.charge import Ground
from proxy.directory import Key
from proxy.instants import epoch_us
from proxy.ledger import registry, versions
from proxy.ledger.fare import Fare
from proxy.ledger.operation import Operation, Receipt
from proxy.ledger.outcomes import Accept, Decide, Doubt, Purge
from proxy.ledger.reader import where_stands
from proxy.ledger.reserve import Reserve
from proxy.ledger.schema import open_session
from proxy.ledger.session import LedgerFault, Session
from proxy.ledger.store import Store

MINUTE_US = 60_000_000
HOUR_US = 60 * MINUTE_US
ACCOUNT = "shared"


class Clock:
    """A clock that a test sets."""

    def __init__(self, at: str) -> None:
        self.now_us = 0
        self.set(at)

    def __call__(self) -> int:
        return self.now_us

    def set(self, at: str) -> None:
        """Set it to an instant with an offset."""
        self.now_us = epoch_us(datetime.fromisoformat(at))

    def step(self, **by: float) -> None:
        """Step it, also back: `hours=…`, `minutes=…`, `seconds=…`."""
        self.now_us += round(sum(n * _UNITS[unit] for unit, n in by.items()))


_UNITS = {"hours": HOUR_US, "minutes": MINUTE_US, "seconds": 1_000_000, "days": 24 * HOUR_US}


TABLE = """
version = "2026-09-25"
effective_from = 2026-09-25T00:00:00Z
[models."gemini-2.5-flash-image"]
images = "n"
[models."gemini-2.5-flash-image".prices]
"1K" = { usd = "0.000100", list_usd = "0.000200" }
"2K" = { usd = "0.000100", list_usd = "0.000300" }
"""
SHA256 = load_table(TABLE, name="test").sha256


def quote(unit_micros: int, *, images: int = 1, mode: ImagesMode = "n") -> Quote:
    """Price some images."""
    return Quote(
        model="gemini-2.5-flash-image",
        called="google/gemini-2.5-flash-image",
        resolution="1K",
        task="text-to-image",
        images=images,
        unit_micros=Micros(unit_micros),
        list_unit_micros=Micros(unit_micros * 2),
        version="2026-09-25",
        status="published",
        assumed=False,
        images_mode=mode,
        sha256=SHA256,
    )


def price(unit_micros: int, **facts: Any) -> Callable[[int], Quote]:
    """Price the same at every instant."""
    found = quote(unit_micros, **facts)
    return lambda _: found


@dataclass
class Ledger:
    """A `Store` and the words of these tests. Every call is one committed operation."""

    url: str
    clock: Clock | None = None
    timezone: str = "UTC"
    default_daily_micros: int | None = None
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def __post_init__(self) -> None:
        self.store = Store(
            open_session(self.url, clock=self.clock),
            timezone=self.timezone,
            default_daily_micros=self.default_daily_micros,
        )
        self.store.open()

    @property
    def session(self) -> Session:
        return self.store.session

    def close(self) -> None:
        self.session.close()

    def publish(self, text: str = TABLE) -> None:
        """Add a price version; this one has the price of `quote(100)`, which `verify` asks for."""
        self.store.transact(versions.add([load_table(text, name="test")], actor="test"))

    def another(self, *, clock: Clock | None = None, timezone: str | None = None) -> "Ledger":
        """Open a second node on the same database."""
        return Ledger(
            self.url,
            clock or self.clock,
            timezone or self.timezone,
            self.default_daily_micros,
            self._numbers,
        )

    def key(self, name: str = "web", **facts: Any) -> Key:
        return self.store.transact(registry.create_key(name, actor="test", **facts)).key

    def set_key(self, name: str = "web", **facts: Any) -> Key:
        return self.store.transact(registry.set_key(name, facts, actor="test"))

    def set_team(self, name: str, **facts: Any) -> None:
        self.store.transact(registry.set_team(name, facts, actor="test"))

    def do(self, operation: Operation) -> Receipt:
        """Commit one operation; its refusal is raised."""
        (result,) = self.store.commit([operation])
        if isinstance(result, Exception):
            raise result
        assert isinstance(result, Receipt)
        return result

    def order(self, key: Key, unit_micros: int = 100, **facts: Any) -> Reserve:
        """Make a reservation that is not committed yet."""
        facts.setdefault("charge_id", f"fb_{next(self._numbers):06}")
        facts.setdefault("price", price(unit_micros))
        return Reserve(key=key, account=ACCOUNT, surface="path", owner="test", **facts)

    def reserve(self, key: Key, unit_micros: int = 100, **facts: Any) -> Fare:
        return self.do(self.order(key, unit_micros, **facts)).fare

    def accept(self, fare: Fare, prediction_id: str = "", **facts: Any) -> Receipt:
        return self.do(Accept(fare.id, ACCOUNT, prediction_id or f"pred-{fare.id}", **facts))

    def settle(self, fare: Fare, outputs: int = 1, ground: Ground = Ground.ANSWER) -> Receipt:
        return self.do(Decide(fare.id, outputs, ground, "completed"))

    def release(self, fare: Fare, ground: Ground = Ground.ANSWER) -> Receipt:
        return self.do(Decide(fare.id, None, ground, "failed"))

    def doubt(self, fare: Fare, prediction_id: str | None = None) -> Receipt:
        return self.do(Doubt(fare.id, "cut off", ACCOUNT, prediction_id))

    def purge(self, fare: Fare) -> Receipt:
        return self.do(Purge(fare.id))

    def fare(self, fare: Fare) -> tuple[Any, ...]:
        """Read state, ground, reserved and settled money of a charge from the table."""
        asked = "SELECT state,ground,reserved_micros,settled_micros FROM charges WHERE id=?"
        return tuple(self.session.rows(asked, (fare.id,))[0])

    def state(self, fare: Fare) -> str:
        return str(self.fare(fare)[0])

    def kinds(self, fare: Fare) -> list[str]:
        """List what happened to a charge, from its entries."""
        asked = "SELECT kind FROM entries WHERE charge_id=? ORDER BY seq"
        return [kind for (kind,) in self.session.rows(asked, (fare.id,))]

    def balance(self, scope: str, period: str) -> tuple[int, int]:
        """Read settled and reserved money of a scope in a period; nothing is (0, 0)."""
        window = "day" if len(period) > len("2026-11") else "month"
        asked = (
            "SELECT settled_micros,reserved_micros FROM balances"
            ' WHERE scope=? AND "window"=? AND period=?'
        )
        found = self.session.rows(asked, (scope, window, period))
        return tuple(found[0]) if found else (0, 0)

    def used(self, key: Key, period: str) -> tuple[int, int]:
        """Read settled and reserved money of a key in a period."""
        return self.balance(f"key:{key.id}", period)

    def standing(self, key: Key, scope: str = "key", window: str = "day") -> Any:
        """Say where one budget of a key stands, as `/budget` would."""
        self.store.refresh()
        found = where_stands(self.store.directory, self.store.directory.keys[key.id])(self.session)
        return next(s for s in found if (s.budget.scope, s.budget.window) == (scope, window))

    def count(self, table: str, where: str = "1=1", args: tuple[Any, ...] = ()) -> int:
        return int(
            self.session.rows(f"SELECT count(*) FROM {table} WHERE {where}", args)[0][0]  # noqa: S608
        )


def fails(kind: str, action: Callable[[], object]) -> None:
    """Expect a fault of the ledger, of a kind."""
    with pytest.raises(LedgerFault) as fault:
        action()
    assert fault.value.kind == kind, fault.value
