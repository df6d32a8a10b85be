"""Spend: what finance asks. Figures are the ledger's, to the millionth of a dollar."""

# ruff: noqa: S608 - no text of a caller or a reader gets into this SQL

from typing import Any

from dashboards.board import Board, choose_ledger
from dashboards.boards import spend_tables
from dashboards.ledger import (
    CHOSEN,
    NO_TEAM,
    OPEN,
    TEAM,
    Dialect,
    by_day,
    one_sum,
    total,
    usd,
)
from dashboards.panels import (
    CENTS,
    COUNT,
    RATIO,
    USD,
    between,
    figure,
    lines,
)
from dashboards.promql import JOB
from dashboards.sources import Sql, ledger_source, over_time

SPENT = usd(total("spend_micros"))
LISTED = usd(total("list_micros"))
SAVED = usd("(coalesce(sum(list_micros), 0) - coalesce(sum(spend_micros), 0))")
SETTLED = "Settled money by instant of admission, in the time zone of this board"


def board(dialect: Dialect) -> Board:
    """Build the board for one database."""
    made = Board(
        "spend",
        "Spend",
        f"""Where the money went, from the ledger ({dialect.title}). Every figure equals
        `farebox report spend` for the same days in the same time zone; what is held is shown
        apart.""",
        since="now-30d/d",
        refresh="5m",
    )
    choose_ledger(made, dialect)
    made.one_of("tag", "Tag", dialect.tag_names, ledger_source(dialect))
    made.row("This month", *_month(dialect), *_month_more(dialect))
    made.row("In the range shown", *_range(dialect))
    made.row("Over time", *_course(dialect))
    made.row("By what", *spend_tables.tables(dialect))
    made.row(
        "Movements and money that is held", spend_tables.movers(dialect), spend_tables.held(dialect)
    )
    return made


def _one(dialect: Dialect, title: str, words: str, sql: str, *, unit: str = CENTS) -> Any:
    decimals = {CENTS: 2, COUNT: 0}.get(unit)
    source = ledger_source(dialect)
    return figure(title, words, Sql(dialect, sql), unit=unit, source=source, decimals=decimals)


def _month(dialect: Dialect) -> list[Any]:
    spent = one_sum(dialect, SPENT, "Spend")
    return [
        between(_one(dialect, "Today", f"{SETTLED}, since midnight.", spent), "now/d"),
        between(_one(dialect, "Month to date", f"{SETTLED}, since the 1st.", spent), "now/M"),
        between(_one(dialect, "Forecast", FORECAST, _forecast(dialect)), "now/M"),
        between(
            _one(
                dialect,
                "Last month so far",
                f"{SETTLED}: the same stretch of last month. Compare with the month to date.",
                spent,
            ),
            "now/M",
            "1M",
        ),
        between(_one(dialect, "Last month", f"{SETTLED}: all of it.", spent), "now/M", "1M/M"),
        _one(dialect, "Held or uncertain", HELD, _held_now()),
    ]


FORECAST = """The month to date, and for the rest of it the pace of the last seven days (of the days
there are, in a young installation). Above the plan: the tables below say who, the savings board
says what could cost less."""
HELD = """Money of calls that nobody has decided yet, in no other figure of this board. It becomes
spend or is given back; `uncertain` ones need a decision: see the last table."""


def _held_now() -> str:
    held = usd(total("reserved_micros"))
    return f'SELECT {held} AS "Held" FROM charges WHERE state IN {OPEN} AND {CHOSEN}'


def _forecast(dialect: Dialect) -> str:
    since, until = dialect.since, dialect.until
    so_far = total(f"CASE WHEN quarter * 900 >= {since} THEN spend_micros END")
    week = total(f"CASE WHEN quarter * 900 >= {until} - 604800 THEN spend_micros END")
    age = f"coalesce({until} - min(quarter * 900), 0)"
    rest = f"({since} + 86400 * {dialect.days_in_month} - {until})"
    span = "CASE WHEN age < 3600 THEN 3600 WHEN age > 604800 THEN 604800 ELSE age END"
    return f"""WITH seen AS (
        SELECT {so_far} AS so_far, {week} AS week, {age} AS age
        FROM spend WHERE quarter * 900 < {until} AND {CHOSEN})
        SELECT (so_far + week * 1.0 * {rest} / {span}) / 1000000.0 AS "Forecast" FROM seen"""


def _month_more(dialect: Dialect) -> list[Any]:
    share = f"{total('list_micros')} - {total('spend_micros')}"
    return [
        between(panel, "now/M").span(6)
        for panel in (
            _one(
                dialect,
                "Images this month",
                "Images that were paid for, since the 1st.",
                one_sum(dialect, total("images"), "Images"),
                unit=COUNT,
            ),
            _price(dialect, "Price of an image this month"),
            _one(
                dialect,
                "Saved this month",
                """Against the makers' own list prices; a price without a known list price
                counts as its own.""",
                one_sum(dialect, SAVED, "Saved"),
            ),
            _one(
                dialect,
                "Saved this month, share",
                "What was saved, as a share of the list price.",
                one_sum(dialect, f"({share}) * 1.0 / nullif({total('list_micros')}, 0)", "Saved"),
                unit=RATIO,
            ),
        )
    ]


def _price(dialect: Dialect, title: str) -> Any:
    each = f"{usd('sum(spend_micros)')} / nullif(sum(images), 0)"
    return figure(
        title,
        """The average over all models and resolutions. It rises when callers move to larger
        sizes or to Pro: the savings board says where.""",
        Sql(dialect, one_sum(dialect, each, "Per image")),
        unit=CENTS,
        source=ledger_source(dialect),
        decimals=4,
    )


def _range(dialect: Dialect) -> list[Any]:
    return [
        panel.span(6)
        for panel in (
            _one(
                dialect,
                "Spend",
                f"{SETTLED}, over the range above.",
                one_sum(dialect, SPENT, "Spend"),
            ),
            _one(
                dialect,
                "At list price",
                "What the same images cost at the makers' own list prices.",
                one_sum(dialect, LISTED, "At list price"),
            ),
            _one(
                dialect,
                "Images",
                "Images that were paid for, over the range above.",
                one_sum(dialect, total("images"), "Images"),
                unit=COUNT,
            ),
            _price(dialect, "Price of an image"),
        )
    ]


def _course(dialect: Dialect) -> list[Any]:
    source = ledger_source(dialect)

    def a_day(title: str, words: str, metric: str, expression: str, unit: str) -> Any:
        sql = by_day(dialect, metric, expression, title)
        query = Sql(dialect, sql, lines=True)
        return lines(title, words, query, unit=unit, columns=True, stacked=True, source=source)

    return [
        a_day(
            "Spend a day, by team",
            "A column a day, from the ledger. A jump: the table of movements names key and model.",
            TEAM,
            SPENT,
            USD,
        ),
        a_day(
            "Spend a day, by model",
            "What each model cost a day, from the ledger.",
            "model",
            SPENT,
            USD,
        ),
        *_live(),
    ]


def _live() -> list[Any]:
    added = f'sum by (team) (increase(farebox:spend_usd:total{{{JOB}, team=~"$team"}}[1h]))'
    hourly = f'label_replace({added}, "team", "{NO_TEAM}", "team", "")'
    images = f'sum by (model) (increase(farebox:images:total{{{JOB}, model=~"$model"}}[1h]))'
    return [
        between(panel, "24h")
        for panel in (
            lines(
                "Spend in the last hour, by team",
                """Live, from Prometheus, to see a burst while it lasts. It misses the first fare
                of a key's new combination of model and size: for sums use the panels above.""",
                over_time(hourly, "{{team}}"),
                unit=USD,
            ),
            lines(
                "Images in the last hour, by model",
                "Live, from Prometheus: what is being bought now.",
                over_time(images, "{{model}}"),
                unit=COUNT,
            ),
        )
    ]
