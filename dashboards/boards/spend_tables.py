"""Spend, the lower half: tables. Each says which report it equals."""

# ruff: noqa: S608 - no text of a caller or a reader gets into this SQL

from typing import Any

from dashboards.ledger import (
    CHOSEN,
    OPEN,
    TEAM,
    Dialect,
    report,
    total,
    usd,
)
from dashboards.panels import (
    CENTS,
    COUNT,
    INSTANT,
    USD,
    bars,
    rows,
)
from dashboards.promql import JOB
from dashboards.sources import Sql, at_once, ledger_source

MONEY = {
    **dict.fromkeys(("Spend", "At list price", "Saved", "Per image"), CENTS),
    **dict.fromkeys(("Calls", "Images"), COUNT),
}
BUDGETS = "/d/farebox-budgets"


def tables(dialect: Dialect) -> list[Any]:
    """What the report prints, grouped in every way, and sizes."""
    source, link = ledger_source(dialect), "${__value.raw:percentencode}"

    def by(title: str, words: str, groups: dict[str, str], *, width: int = 12, **more: Any) -> Any:
        query = Sql(dialect, report(dialect, groups))
        return rows(title, words, query, units=MONEY, source=source, **more).span(width)

    return [
        by(
            "By team",
            "As `farebox report spend --by team`. A click shows the team's budgets.",
            {"Team": TEAM},
            links={"Team": ("Budgets of this team", f"{BUDGETS}?var-team={link}")},
        ),
        by(
            "By key",
            "As `farebox report spend --by key`. A click shows the key's budgets.",
            {"Key": "key_name"},
            links={"Key": ("Budgets of this key", f"{BUDGETS}?var-key={link}")},
        ),
        by(
            "By model and resolution",
            "As `farebox report spend --by model,resolution`. The dearest line is the one to ask.",
            {"Model": "model", "Resolution": "resolution"},
            width=16,
        ),
        _by_size(),
        by(
            "By price version",
            "As `farebox report spend --by version`: what was bought at which prices.",
            {"Version": "version"},
        ),
        by(
            "By tag",
            """As `farebox report spend --by tag:NAME`, for the tag chosen above: callers send
            it as `x-farebox-tag-NAME`. An empty value is calls without it.""",
            {"Value": f"coalesce({dialect.tag}, '')"},
        ),
    ]


def _by_size() -> Any:
    return (
        bars(
            "Share of money by resolution, live",
            """From Prometheus, over the range above: where the money goes by size. Much 4K is
        the first thing to ask about.""",
            at_once(
                f"sum by (resolution) (increase(farebox:spend_usd:total{{{JOB}}}[$__range]))",
                "{{resolution}}",
            ),
            unit=USD,
        )
        .span(8)
        .height(9)
    )


def movers(dialect: Dialect) -> Any:
    """Who spends more or less than before."""
    since, until = dialect.since, dialect.until
    now = total(f"CASE WHEN quarter * 900 >= {since} THEN spend_micros END")
    before = total(f"CASE WHEN quarter * 900 < {since} THEN spend_micros END")
    sql = f"""SELECT key_name AS "Key", model AS "Model",
        {usd("now_micros")} AS "This range", {usd("before_micros")} AS "The one before",
        {usd("(now_micros - before_micros)")} AS "Change"
        FROM (SELECT key_name, model, {now} AS now_micros, {before} AS before_micros
        FROM spend WHERE quarter * 900 >= {since} - ({until} - {since})
        AND quarter * 900 < {until} AND {CHOSEN}
        GROUP BY key_name, model) AS moved
        ORDER BY abs(now_micros - before_micros) DESC, 1, 2 LIMIT 20"""
    return rows(
        "Top movers",
        """Who spends more or less than in the equally long range before. Start a talk about
        the bill here.""",
        Sql(dialect, sql),
        units=dict.fromkeys(("This range", "The one before", "Change"), CENTS),
        source=ledger_source(dialect),
    ).span(12)


def held(dialect: Dialect) -> Any:
    """Undecided money, by state and key."""
    sql = f"""SELECT state AS "State", {TEAM} AS "Team", key_name AS "Key", count(*) AS "Calls",
        {usd(total("reserved_micros"))} AS "Held", min(admitted_us) / 1000 AS "Oldest"
        FROM charges WHERE state IN {OPEN} AND {CHOSEN}
        GROUP BY 1, 2, 3 ORDER BY 5 DESC, 1, 2, 3"""
    return rows(
        "Held, by state and key",
        """Undecided calls, whatever their age. An old `uncertain` one: `farebox charges list`
        finds it, `farebox charges release` or `charge` decides it on the record.""",
        Sql(dialect, sql),
        units={"Held": CENTS, "Oldest": INSTANT, "Calls": COUNT},
        source=ledger_source(dialect),
    ).span(12)
