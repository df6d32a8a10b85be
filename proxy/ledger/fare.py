"""What a transaction holds of a call: its fare, and the answer kept for a repeat. Pure."""

from dataclasses import MISSING, dataclass, fields
from operator import attrgetter

from proxy.charge import OPEN, State

KEPT_US = 24 * 3600 * 1_000_000  # how long an Idempotency-Key is remembered
UNPRICED = "unpriced"


@dataclass(slots=True)
class Fare:
    """A charge in the hands of a transaction; its fields are the columns of `charges`.

    Defaults are what a fare begins with, when it is reserved.
    """

    id: str
    key_id: str
    key_name: str
    team: str
    account: str
    surface: str
    model: str
    called: str
    resolution: str
    task: str
    images: int
    unit_micros: int
    list_unit_micros: int | None
    price_version: str
    price_status: str
    price_assumed: int
    images_mode: str
    reserved_micros: int
    key_day: str
    day: str
    admitted_us: int
    due_us: int
    owner: str
    tags: str
    body_hash: str
    provisional: int
    shadow: int
    refs: int
    aspect: str
    state: str = State.RESERVED.value
    seq: int = 1
    settled_micros: int = 0
    sold_images: int = 0
    ground: str = ""
    reason: str = ""
    prediction_id: str | None = None
    accepted_us: int | None = None
    decided_us: int | None = None
    looks: int = 0
    lease_owner: str = ""
    lease_us: int = 0

    def copy(self) -> "Fare":
        """Make a copy to change."""
        return Fare(*row_of(self))

    @property
    def cost_micros(self) -> int:
        """What the fare stands at: settled once decided, held before that."""
        return self.reserved_micros if self.state in OPEN else self.settled_micros


COLUMNS = tuple(f.name for f in fields(Fare))
FIRST = tuple(f.name for f in fields(Fare) if f.default is MISSING)  # said at the reservation
BEGINNING = tuple((f.name, f.default) for f in fields(Fare) if f.default is not MISSING)
row_of = attrgetter(*COLUMNS)
first_of = attrgetter(*FIRST)


@dataclass(frozen=True, slots=True)
class Kept:
    """A first answer under an `Idempotency-Key`; status 0 while there is none to repeat."""

    caller: str
    idempotency_key: str
    request_hash: str
    charge_id: str
    status: int = 0
    headers: str = "[]"
    body: bytes | None = None
    created_us: int = 0
