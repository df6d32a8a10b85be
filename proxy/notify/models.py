"""The one table of the notices' own: what the webhook was told, or is still to be told."""

from sqlalchemy import BigInteger
from sqlmodel import Field, SQLModel


class NoticeRow(SQLModel, table=True):
    """One thing that the webhook was told, or is still to be told."""

    __tablename__ = "notices"
    scope: str = Field(primary_key=True)
    window: str = Field(primary_key=True)
    period: str = Field(primary_key=True)
    threshold: int = Field(primary_key=True)
    round: int = Field(primary_key=True, default=1)
    state: str = Field(primary_key=True)
    body: str
    limit_micros: int | None = Field(default=None, sa_type=BigInteger)
    created_us: int = Field(sa_type=BigInteger)
    sent_us: int | None = Field(default=None, sa_type=BigInteger)
    tries: int = 0
    next_us: int = Field(default=0, sa_type=BigInteger)
