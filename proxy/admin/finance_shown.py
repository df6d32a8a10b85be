"""What finance is shown by `/admin`."""

from datetime import date, datetime
from typing import Literal

from pydantic import Field

from proxy.admin.shown import Shown
from proxy.reports.findings import Category


class FiguresShown(Shown):
    """Sums of settled calls."""

    calls: int
    images: int
    spend_usd: str
    list_usd: str
    saved_usd: str


class SpendShown(Shown):
    """Settled spend by its groupings, in their order.

    Apart from it: money held by undecided calls, and calls whose cost nobody knows.
    """

    by: list[str]
    first_day: date
    last_day: date
    timezone: str
    data: list[dict[str, str | int]]
    total: FiguresShown
    held_usd: str
    held_charges: int
    unpriced_calls: int
    next_cursor: str | None


class ForecastShown(Shown):
    """Where the running day or month of a key, a team or everything is heading."""

    scope: Literal["key", "team", "installation"]
    name: str
    window: Literal["day", "month"]
    period: str
    spent_usd: str
    forecast_usd: str


class ForecastList(Shown):
    """Forecasts of every scope that has spent."""

    data: list[ForecastShown]


class SummaryShown(Shown):
    """The outcome of a reconciliation; a difference is theirs less ours."""

    statement: str
    sha256: str
    from_: datetime = Field(alias="from")
    to: datetime
    lines: int
    ours_usd: str
    theirs_usd: str
    difference_usd: str
    matched: int
    amount_differs: int
    only_theirs: int
    only_ours: int
    uncertain_decided: int
    unreadable: int
    applied: int
    difference_left_usd: str
    signed_off_by: str | None
    why: str | None


class PastShown(SummaryShown):
    """One that was kept: when, and whose."""

    id: int
    at: datetime
    actor: str


class PastList(Shown):
    """Reconciliations, newest first."""

    data: list[PastShown]


class FindingShown(Shown):
    """One charge or line on which ledger and statement differ."""

    category: Category
    prediction_id: str | None
    charge_id: str | None
    key: str | None
    team: str | None
    model: str | None
    created_at: datetime | None
    ours_usd: str
    theirs_usd: str
    difference_usd: str
    price_version: str | None
    why: str
    line: int | None


class ReconciliationShown(Shown):
    """What was found, its first 10,000, and the summary that is kept."""

    summary: SummaryShown
    findings: list[FindingShown]


class SumShown(Shown):
    """What a change comes to over a period, a day and a month."""

    days: int
    spend_usd: str
    saved_usd: str
    saved_a_day_usd: str
    saved_a_month_usd: str
    to_be_looked_at_usd: str
    calls_that_cannot_move: int


class InsteadShown(Shown):
    """What calls alike would have cost; null where the other has no price for them."""

    team: str
    model: str
    resolution: str
    task: str
    instead: str
    calls: int
    images: int
    spend_usd: str
    instead_usd: str | None
    saved_usd: str
    moves: Literal["yes", "ask", "no"]
    why: str


class WhatIfShown(Shown):
    """What the calls of a period would have cost."""

    total: SumShown
    data: list[InsteadShown]


class AdviceShown(SumShown):
    """One change, what it comes to, the calls behind it, and what speaks against it."""

    change: str
    why: str
    calls: list[InsteadShown]
    caveats: list[str]


class AdviceList(Shown):
    """Changes, the most saved first."""

    data: list[AdviceShown]
