"""The tables. Money is integer micro-USD, instants are microseconds since 1970 UTC.

SQLModel declares them for migrations, reports and the admin API; the hot path writes
them through `rows.py` with prepared statements (a measured 30 times cheaper).
"""

from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, Index, LargeBinary, text
from sqlmodel import Field, SQLModel

_NAMED = text("prediction_id IS NOT NULL")
_OPEN = text("state IN ('reserved','accepted','uncertain')")


def _big(**column: Any) -> Any:
    return Field(sa_type=BigInteger, **column)


class Meta(SQLModel, table=True):
    """Facts about this ledger, by name: its revision, its installation's zone."""

    __tablename__ = "meta"
    name: str = Field(primary_key=True)
    value: str


class KeyRow(SQLModel, table=True):
    """A caller's credential; of a secret only its digest."""

    __tablename__ = "keys"
    id: str = Field(primary_key=True)
    name: str = Field(unique=True)
    own: int = 0
    adopted: int = 0
    public: str = ""
    digest: bytes = Field(default=b"", sa_type=LargeBinary)
    old_digest: bytes = Field(default=b"", sa_type=LargeBinary)
    old_public: str = ""
    old_until_us: int = _big(default=0)
    fingerprint: str = ""
    team: str = ""
    daily_micros: int | None = _big(default=None)
    monthly_micros: int | None = _big(default=None)
    topup_day: str = ""
    topup_micros: int = _big(default=0)
    zone: str = ""
    zone_until_us: int | None = _big(default=None)
    zone_then: str | None = None
    models: str = "[]"
    max_price_micros: int | None = _big(default=None)
    expires_us: int | None = _big(default=None)
    shadow: int = 0
    state: str = "active"
    upstream_key_env: str = ""
    tags: str = "{}"
    created_us: int = _big(default=0)
    revision: int = _big(default=0, index=True)
    version: int = _big(default=1)


class TeamRow(SQLModel, table=True):
    """A cap over a team's keys; `*` is the installation."""

    __tablename__ = "teams"
    name: str = Field(primary_key=True)
    daily_micros: int | None = _big(default=None)
    monthly_micros: int | None = _big(default=None)
    state: str = "active"
    created_us: int = _big(default=0)
    revision: int = _big(default=0, index=True)
    version: int = _big(default=1)


class PriceVersionRow(SQLModel, table=True):
    """One version of the price table, as loaded; immutable once it has priced a charge."""

    __tablename__ = "price_versions"
    version: str = Field(primary_key=True)
    effective_us: int = _big(unique=True)
    sha256: str
    source: str
    body: str
    loaded_us: int = _big()


class Counting(SQLModel, table=True):
    """A model that sold more images than its table says: it reserves n from then on."""

    __tablename__ = "counting"
    version: str = Field(primary_key=True)
    model: str = Field(primary_key=True)


class Charge(SQLModel, table=True):
    """One fare through its life. What the entries say, in a shape that can be asked."""

    __tablename__ = "charges"
    __table_args__ = (
        Index(
            "charges_prediction",
            "prediction_id",
            "account",
            unique=True,
            sqlite_where=_NAMED,
            postgresql_where=_NAMED,
        ),
        Index("charges_key", "key_id", "id"),
        Index("charges_open", "due_us", sqlite_where=_OPEN, postgresql_where=_OPEN),
    )
    id: str = Field(primary_key=True)
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
    unit_micros: int = _big()
    list_unit_micros: int | None = _big(default=None)
    price_version: str
    price_status: str
    price_assumed: int
    images_mode: str
    reserved_micros: int = _big()
    settled_micros: int = _big(default=0)
    sold_images: int = 0
    state: str
    ground: str = ""
    reason: str = ""
    prediction_id: str | None = None
    key_day: str
    day: str
    admitted_us: int = _big()
    accepted_us: int | None = _big(default=None)
    decided_us: int | None = _big(default=None)
    due_us: int = _big(default=0)
    looks: int = 0
    lease_owner: str = ""
    lease_us: int = _big(default=0)
    owner: str = ""
    tags: str = "{}"
    body_hash: str = ""
    provisional: int = 0
    shadow: int = 0
    seq: int = 1
    refs: int = 0  # pictures that the call brought along; 0 is also "nobody counted"
    aspect: str = ""  # as asked, such as 16:9


class Entry(SQLModel, table=True):
    """One immutable movement of money: what was added to held and to spent, and why."""

    __tablename__ = "entries"
    __table_args__ = (Index("entries_at", "at_us"), {"sqlite_with_rowid": False})
    charge_id: str = Field(primary_key=True)
    seq: int = Field(primary_key=True)
    kind: str
    reserved_micros: int = _big()
    settled_micros: int = _big()
    images: int = 0
    at_us: int = _big()
    ground: str = ""
    actor: str = ""
    why: str = ""


class Balance(SQLModel, table=True):
    """Settled and held money of one scope in one period."""

    __tablename__ = "balances"
    __table_args__ = (
        CheckConstraint("reserved_micros >= 0", name="nothing_given_back_twice"),
        {"sqlite_with_rowid": False},
    )
    scope: str = Field(primary_key=True)
    window: str = Field(primary_key=True)
    period: str = Field(primary_key=True)
    settled_micros: int = _big(default=0)
    reserved_micros: int = _big(default=0)


class Spend(SQLModel, table=True):
    """Settled money rolled up by quarter hour of admission: what reports are made of.

    Every IANA zone in use lies a whole number of quarter hours from UTC.
    """

    __tablename__ = "spend"
    __table_args__ = ({"sqlite_with_rowid": False},)
    quarter: int = _big(primary_key=True)
    key_id: str = Field(primary_key=True)
    key_name: str = Field(primary_key=True)
    team: str = Field(primary_key=True)
    model: str = Field(primary_key=True)
    resolution: str = Field(primary_key=True)
    task: str = Field(primary_key=True)
    version: str = Field(primary_key=True)
    tags: str = Field(primary_key=True)
    calls: int = _big(default=0)
    images: int = _big(default=0)
    spend_micros: int = _big(default=0)
    list_micros: int = _big(default=0)


class Total(SQLModel, table=True):
    """What the counters of the metrics show; they never fall."""

    __tablename__ = "totals"
    __table_args__ = ({"sqlite_with_rowid": False},)
    team: str = Field(primary_key=True)
    key_name: str = Field(primary_key=True)
    model: str = Field(primary_key=True)
    resolution: str = Field(primary_key=True)
    spend_micros: int = _big(default=0)
    images: int = _big(default=0)


class Tally(SQLModel, table=True):
    """Other counters of money matters: corrections by direction, overruns by model."""

    __tablename__ = "tallies"
    __table_args__ = ({"sqlite_with_rowid": False},)
    name: str = Field(primary_key=True)
    label: str = Field(primary_key=True)
    value: int = _big(default=0)


class Replay(SQLModel, table=True):
    """The first answer under an `Idempotency-Key`, kept for 24 hours."""

    __tablename__ = "replays"
    caller: str = Field(primary_key=True)
    idempotency_key: str = Field(primary_key=True)
    request_hash: str
    charge_id: str = Field(index=True)
    status: int = 0
    headers: str = "[]"
    body: bytes | None = Field(default=None, sa_type=LargeBinary)
    created_us: int = _big(index=True)


class Audit(SQLModel, table=True):
    """One change of a key, a limit, a team or a price version, or a decision by hand."""

    __tablename__ = "audit"
    __table_args__ = (Index("audit_at", "at_us"),)
    id: int | None = Field(default=None, primary_key=True)
    at_us: int = _big()
    actor: str
    action: str
    subject: str
    before: str = ""
    after: str = ""
    why: str = ""


class Seal(SQLModel, table=True):
    """A hash over entries and audit after `from_us` and up to `to_us`, and the one before."""

    __tablename__ = "seals"
    n: int = _big(primary_key=True, sa_column_kwargs={"autoincrement": False})
    from_us: int = _big()
    to_us: int = _big()
    entries: int = _big()
    audits: int = _big()
    hash: str
    fares: str = ""
