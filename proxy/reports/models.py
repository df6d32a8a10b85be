"""The one table of the reports' own: what of a closed month has been handed out."""

from sqlalchemy import BigInteger
from sqlmodel import Field, SQLModel


class FocusMonth(SQLModel, table=True):
    """A closed month at one grain: the last instant it knows of, and its CSV's SHA-256."""

    __tablename__ = "focus_months"
    month: str = Field(primary_key=True)
    grain: str = Field(primary_key=True)
    through_us: int = Field(sa_type=BigInteger)
    sha256: str
    closed_us: int = Field(sa_type=BigInteger)
