"""What finance asks of `/admin`, and what it is shown."""

import re
from datetime import date
from typing import Annotated, Any, Final, Literal

from pydantic import BeforeValidator, ConfigDict, Field

from proxy.admin.asked import Asked, Timezone
from proxy.admin.shown import Shown
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


class SpendShown(Shown):
    """Settled spend by its groupings, in their order.

    Apart from it: money held by undecided calls, and calls whose cost nobody knows.
    """

    by: list[str]
    first_day: date
    last_day: date
    timezone: str
    data: list[dict[str, str | int]]
    total: dict[str, str | int]
    held_usd: str
    held_charges: int
    unpriced_calls: int
    next_cursor: str | None


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


class ReconciliationShown(Shown):
    """What was found, and the summary that is kept."""

    summary: dict[str, Any]
    findings: list[dict[str, Any]]


class Listed(Shown):
    """A list of facts."""

    data: list[dict[str, Any]]


class SwapAsked(PeriodAsked):
    """What if: another price version, or another model."""

    table: str | None = Field(None, max_length=64)
    swap: str | None = Field(None, max_length=200, examples=["model=model"])


class WhatIfShown(Shown):
    """What the calls of a period would have cost."""

    total: dict[str, Any]
    data: list[dict[str, Any]]
