"""What finance asks of `/admin`."""

import re
from datetime import date
from typing import Annotated, Final, Literal

from pydantic import BeforeValidator, ConfigDict, Field

from proxy.admin.asked import Asked, Timezone
from proxy.reports import spend

PAGE_MAX: Final = 10_000
_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


def _spelled(day: object) -> object:
    """Refuse what else could be taken for a day: seconds since 1970, an instant."""
    if not isinstance(day, str) or not _DAY.fullmatch(day):
        raise ValueError("expected a day such as 2026-11-23")
    return day


Day = Annotated[date, BeforeValidator(_spelled)]


class PeriodAsked(Asked):
    """Which days, both included; all that the ledger knows if left out."""

    model_config = ConfigDict(extra="forbid", strict=False, populate_by_name=True)
    from_: Day | None = Field(None, alias="from", description="First day.")
    to: Day | None = Field(None, description="Last day, included.")
    timezone: Timezone | None = None


class SpendAsked(PeriodAsked):
    """A spend report."""

    by: str = Field("team,model", max_length=400, description=", ".join(spend.GROUPINGS))
    cursor: str | None = Field(None, max_length=4000)
    limit: int = Field(1000, ge=1, le=PAGE_MAX)


class FocusAsked(Asked):
    """A month for a finance tool."""

    model_config = ConfigDict(extra="forbid", strict=False)
    month: str = Field(pattern=r"^\d{4}-(0[1-9]|1[0-2])$", examples=["2026-11"])
    grain: Literal["charge", "day"] = "charge"
    format: Literal["csv", "parquet"] = "csv"


class StatementAsked(Asked):
    """A provider's statement. Larger ones: `farebox reconcile`."""

    csv: str = Field(description="The statement, with its line of column names.")
    name: str = Field("statement.csv", max_length=200)
    mapping: str | None = Field(None, description="TOML; see docs/finance.md.")
    from_: Day | None = Field(None, alias="from")
    to: Day | None = None
    account: str = Field("", max_length=64)
    apply: bool = False
    why: str = Field("", max_length=1000)


class SwapAsked(PeriodAsked):
    """What if: another price version, or another model."""

    table: str | None = Field(None, max_length=64)
    swap: str | None = Field(None, max_length=200, examples=["model=model"])
