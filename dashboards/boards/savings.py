"""Savings: what the same pictures could have cost, and what was paid for nothing."""

# ruff: noqa: S608 - no text of a caller or a reader gets into this SQL

from typing import Any

from dashboards.board import Board, choose_ledger
from dashboards.ledger import (
    FLASH,
    PRO,
    TEAM,
    Dialect,
    admitted,
    by_day,
    newest_prices,
    one_sum,
    swap,
    swap_rows,
    total,
    usd,
    within,
)
from dashboards.panels import (
    CENTS,
    COUNT,
    GREEN,
    ORANGE,
    RATIO,
    TIMES,
    USD,
    bars,
    figure,
    lines,
    rows,
)
from dashboards.promql import JOB, or_none, summed
from dashboards.sources import Sql, ledger_source, over_time

FAILED = "state = 'released' AND settled_micros = 0 AND accepted_us IS NOT NULL"
PAID = "settled_micros > 0"  # also where the fare was released first, and charged after all


def board(dialect: Dialect) -> Board:
    """Build the board for one database."""
    made = Board(
        "savings",
        "Savings",
        f"""What could cost less, from the ledger ({dialect.title}). Pro costs
        {_ratios()} what Nano Banana 2 costs: half is to be had at 1K only. What Pro alone can do
        is not a saving: `farebox advise` leaves those calls out and `farebox whatif --swap`
        prices any other exchange.""",
        since="now-30d/d",
        refresh="5m",
    )
    choose_ledger(made, dialect)
    made.row("What Pro calls would have cost on Nano Banana 2", *_pro(dialect))
    made.row("Sizes", *_sizes(dialect))
    made.row("Paid or tried for nothing", *_waste(dialect))
    return made


def _ratios() -> str:
    told = [f"{pro / flash:.2f}x at {size}" for size, pro, flash in swap()]
    return ", ".join(told[:-1]) + f" and {told[-1]}"


def _swapped(dialect: Dialect, columns: str, tail: str = "") -> str:
    return f"""WITH swap (resolution, pro_micros, flash_micros) AS (VALUES {swap_rows()})
        SELECT {columns}
        FROM spend JOIN swap ON swap.resolution = spend.resolution
        WHERE model = '{PRO}' AND {within(dialect)}
        {tail}"""


def _pro(dialect: Dialect) -> list[Any]:
    source, swapped = ledger_source(dialect), total("images * flash_micros")
    saved = f"({total('spend_micros')} - {swapped})"
    at = f"at the prices of {newest_prices()}"
    table = rows(
        "By resolution",
        f"""What was paid for {PRO}, and what {FLASH} costs for the same images {at}. `Times` is
        how much dearer Pro is there. Move drafts and 1K work first.""",
        Sql(dialect, _swapped(dialect, _columns(saved, swapped), BY_SIZE)),
        units={
            "Calls": COUNT,
            "Images": COUNT,
            "Times": TIMES,
            **dict.fromkeys(("On Pro", "On Nano Banana 2", "Would save"), CENTS),
        },
        source=source,
    )
    return [
        figure(
            "Would have saved",
            f"""All Pro calls of the range on Nano Banana 2, {at}. An upper bound: some of them
            need Pro.""",
            Sql(dialect, _swapped(dialect, f'{usd(saved)} AS "Would save"')),
            unit=CENTS,
            source=source,
            decimals=2,
        ).height(6),
        figure(
            "Share of Pro's cost",
            "The same as a share of what Pro cost: 50% where all of it was 1K.",
            Sql(
                dialect,
                _swapped(dialect, f'{saved} * 1.0 / nullif({total("spend_micros")}, 0) AS "Share"'),
            ),
            unit=RATIO,
            source=source,
            decimals=1,
        ).height(6),
        table.span(16).height(6),
    ]


BY_SIZE = "GROUP BY spend.resolution, pro_micros, flash_micros ORDER BY 4 DESC, 1"


def _columns(saved: str, swapped: str) -> str:
    return f"""spend.resolution AS "Resolution", {total("calls")} AS "Calls",
        {total("images")} AS "Images", {usd(total("spend_micros"))} AS "On Pro",
        {usd(swapped)} AS "On Nano Banana 2", {usd(saved)} AS "Would save",
        round(pro_micros * 1.0 / flash_micros, 2) AS "Times\""""


def _sizes(dialect: Dialect) -> list[Any]:
    source = ledger_source(dialect)
    large = total("CASE WHEN resolution = '4K' THEN calls END")
    sql = by_day(dialect, "resolution", total("images"), "Images")
    # The size stands first: Grafana cuts what a bar is called at its end.
    each = f"""SELECT
        CASE resolution WHEN 'any' THEN model ELSE resolution || ' ' || model END AS "Model",
        round({usd("sum(spend_micros)")} / sum(images), 6) AS "Per image"
        FROM spend WHERE {within(dialect)} AND images > 0
        GROUP BY 1 HAVING sum(images) > 0 ORDER BY 2 DESC, 1 LIMIT 12"""
    return [
        figure(
            "Calls at 4K",
            """Share of paid calls at 4K, the dearest size. Much of it for pictures that end up
            on a web page is money for pixels nobody sees.""",
            Sql(dialect, one_sum(dialect, f"{large} * 1.0 / nullif({total('calls')}, 0)", "4K")),
            unit=RATIO,
            source=source,
            decimals=1,
            steps=((None, GREEN), (0.25, ORANGE)),
        ).height(8),
        lines(
            "Images a day, by resolution",
            "Which sizes are bought. Sizes creep up when a default changes: ask then.",
            Sql(dialect, sql, lines=True),
            unit=COUNT,
            columns=True,
            stacked=True,
            source=source,
        ).span(10),
        bars(
            "Price of an image, by model",
            "What an image came to, the dearest first.",
            Sql(dialect, each),
            unit=USD,
            source=source,
            rows=True,
        ).span(10),
    ]


def _waste(dialect: Dialect) -> list[Any]:
    source = ledger_source(dialect)
    failed = f"""SELECT model AS "Model", {TEAM} AS "Team", count(*) AS "Failed",
        {usd(total("reserved_micros"))} AS "Given back"
        FROM charges WHERE {FAILED} AND {admitted(dialect)}
        GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2 LIMIT 50"""
    return [
        _failure_rate(dialect),
        rows(
            "Failed after the provider took them, by model",
            """Their fares were given back: they cost time, not money. A model that fails often
            is tried again often, and the tries that work are paid.""",
            Sql(dialect, failed),
            units={"Failed": COUNT, "Given back": CENTS},
            source=source,
        ).span(10),
        rows(
            "Bought more than once",
            """The same request by the same key, paid for several times in the range. Meant for
            variations; otherwise the client should keep what it got, or send `Idempotency-Key`.""",
            Sql(dialect, _repeated(dialect)),
            units={"Times": COUNT, "Paid for repeats": CENTS},
            source=source,
        ).span(10),
        lines(
            "Provider's errors by kind, live",
            """From Prometheus. `content_policy` in numbers: prompts that will never work are
            being tried again.""",
            over_time(
                or_none(summed("kind", "farebox_upstream_errors_total", JOB), "kind"), "{{kind}}"
            ),
            unit=COUNT,
            columns=True,
            stacked=True,
        ).span(24),
    ]


def _failure_rate(dialect: Dialect) -> Any:
    share = f"sum(CASE WHEN {FAILED} THEN 1 ELSE 0 END) * 1.0 / nullif(count(*), 0)"
    sql = f"""SELECT coalesce({share}, 0) AS "Failed" FROM charges
        WHERE (state = 'settled' OR {PAID} OR ({FAILED})) AND {admitted(dialect)}"""
    return figure(
        "Failed calls",
        "Share of the calls that the provider took and then failed.",
        Sql(dialect, sql),
        unit=RATIO,
        source=ledger_source(dialect),
        decimals=1,
        steps=((None, GREEN), (0.05, ORANGE)),
    ).height(9)


def _repeated(dialect: Dialect) -> str:
    return f"""SELECT key_name AS "Key", model AS "Model", resolution AS "Resolution",
        sum(times) AS "Times", {usd("sum(extra)")} AS "Paid for repeats"
        FROM (SELECT key_name, model, resolution, body_hash, count(*) AS times,
        sum(settled_micros) - min(settled_micros) AS extra
        FROM charges WHERE {PAID} AND body_hash <> '' AND {admitted(dialect)}
        GROUP BY key_name, model, resolution, body_hash HAVING count(*) > 1) AS repeated
        GROUP BY 1, 2, 3 ORDER BY 5 DESC, 1, 2, 3 LIMIT 50"""
