"""Proxy health, the lower half: the ledger, undecided fares, odd money, prices, scraping."""

from typing import Any

from dashboards.panels import (
    COUNT,
    GREEN,
    INSTANT,
    ORANGE,
    SECONDS,
    USD,
    bars,
    figure,
    lines,
    rows,
    transformed,
)
from dashboards.promql import JOB, once, or_none, quantile, summed
from dashboards.sources import as_rows, at_once, over_time


def ledger() -> list[Any]:
    """Whether the ledger is written, and how fast."""
    commit, batch = "farebox_ledger_commit_seconds", "farebox_ledger_batch_size"
    return [
        lines(
            "Commits, median and 99%",
            """One durable write of the ledger. A slow disk shows here first: Farebox waits for
            it before every paid call.""",
            over_time(quantile(0.5, "", commit), "50%", ref="A"),
            over_time(quantile(0.99, "", commit), "99%", ref="B"),
            unit=SECONDS,
        ),
        lines(
            "Operations in one commit",
            """How many fares share one write. It grows with load, which is how the ledger keeps
            up; there is nothing to tune.""",
            over_time(f"{_rate(batch, 'sum')} / ({_rate(batch, 'count')} > 0)", "mean", ref="A"),
            over_time(quantile(0.99, "", batch), "99%", ref="B"),
            unit=COUNT,
        ),
        _errors(),
        lines(
            "The reconciler's looks",
            """What it saw when it asked the provider about fares whose clients never came back.
            Only errors, for long, mean that it cannot reach the provider.""",
            over_time(
                or_none(summed("result", "farebox_reconciler_polls_total"), "result"), "{{result}}"
            ),
            unit=COUNT,
            columns=True,
            stacked=True,
        ),
    ]


def _errors() -> Any:
    return lines(
        "Ledger errors by kind",
        """Anything above 0 needs a look: `busy` another process holding the database,
        `full` the disk, `gone` a database file that was replaced, `clock set` a host's
        clock that was moved by more than five minutes.""",
        over_time(or_none(summed("kind", "farebox_ledger_errors_total"), "kind"), "{{kind}}"),
        over_time(
            or_none(f"sum(increase(farebox_clock_steps_total{{{JOB}}}[$__rate_interval]))"),
            "clock set",
            ref="B",
        ),
        unit=COUNT,
        columns=True,
    )


def _rate(metric: str, part: str) -> str:
    return f"sum(rate({metric}_{part}{{{JOB}}}[$__rate_interval]))"


def undecided() -> list[Any]:
    """Fares that nobody has decided."""
    return [
        lines(
            "Open fares by state",
            """`reserved` is a call on its way, `accepted` an image being made. `uncertain` is a
            call whose outcome nobody knows.""",
            over_time(f"sum by (state) ({once('farebox_charges_open')})", "{{state}}"),
            unit=COUNT,
            stacked=True,
        ),
        lines(
            "Money they hold",
            """Held under the budgets of their keys, teams and the installation until they are
            decided.""",
            over_time(f"sum by (state) ({once('farebox_open_usd')})", "{{state}}"),
            unit=USD,
            stacked=True,
        ),
    ]


def odd() -> list[Any]:
    """Money that somebody should look at."""
    return [
        *_beyond_what_was_ordered(),
        bars(
            "Corrections",
            """What was learnt after a fare had been decided without proof, up and down. The
            totals of reports hold it, on the day of admission.""",
            at_once(
                f"sum by (direction) ({once('farebox_corrections_usd_total')})", "{{direction}}"
            ),
            unit=USD,
        ).span(5),
        bars(
            "Unpriced calls",
            """`refused` calls want a row in the price table; `relayed` ones were made and their
            cost is in no budget.""",
            at_once(
                or_none(f"sum by (reason) (farebox_unpriced_total{{{JOB}}})", "reason"),
                "{{reason}}",
            ),
            unit=COUNT,
        ).span(4),
        figure(
            "Statement drift",
            """What the last reconciled statement of the provider and the ledger differ by. Not
            0: `farebox reconcile` names every difference.""",
            at_once(or_none(f"max({once('farebox_reconciliation_difference_usd')})")),
            decimals=2,
            steps=((None, ORANGE), (-0.005, GREEN), (0.005, ORANGE)),
        ).height(8),
    ]


def _beyond_what_was_ordered() -> list[Any]:
    return [
        bars(
            "Overruns by model",
            """Fares that came to more than was held: the provider made more images than were
            ordered. See the runbook of BudgetOverrun.""",
            at_once(
                or_none(f"sum by (model) ({once('farebox_overruns_total')})", "model"), "{{model}}"
            ),
            unit=COUNT,
        ).span(6),
        bars(
            "Contradictions by model",
            """Decided fares of which the provider said the contrary later. See the runbook of
            OutcomeContradicted.""",
            at_once(
                or_none(f"sum by (model) ({once('farebox_contradictions_total')})", "model"),
                "{{model}}",
            ),
            unit=COUNT,
        ).span(5),
    ]


def rest() -> list[Any]:
    """Prices and scraping."""
    versions = rows(
        "Price tables",
        """The versions in the ledger and when each comes or came into force. A charge keeps the
        version it was priced at for good.""",
        as_rows(f"max by (version) (farebox_price_table_info{{{JOB}}})", ref="A"),
        as_rows(f"max by (version) ({started()}) * 1000", ref="B"),
        units={"In force from": INSTANT},
    )
    names = {"version": "Version", "Value #B": "In force from"}
    arranged = {
        "excludeByName": {"Time": True, "Value #A": True},
        "renameByName": names,
        "indexByName": {},
    }
    return [
        transformed(versions, ("merge", {}), ("organize", arranged)).span(8).height(7),
        lines(
            "Scraping",
            """How long a scrape takes, by node. The money is read from the ledger in it; near
            Prometheus's timeout lower FAREBOX_METRICS_SERIES_MAX or scrape less often.""",
            over_time(f"scrape_duration_seconds{{{JOB}}}", "{{instance}}"),
            unit=SECONDS,
        )
        .span(8)
        .height(7),
        lines(
            "Series",
            """Series of a scrape. It grows with keys, models and resolutions in use and never
            with what callers make up. What is above FAREBOX_METRICS_SERIES_MAX: money spent by the
            smallest is under the key `other`, budgets of the last keys are not shown.""",
            over_time(f"scrape_samples_scraped{{{JOB}}}", "{{instance}}"),
            over_time(too_many(), "{{instance}}, above the cap: {{metric}}"),
            unit=COUNT,
        )
        .span(8)
        .height(7),
    ]


def started() -> str:
    """Ask when each version of the prices comes or came into force."""
    return f"farebox_price_table_effective_timestamp_seconds{{{JOB}}}"


def too_many() -> str:
    """Ask how many series a scrape had no room for: each scrape counts them again."""
    counter = f"farebox_series_overflow_total{{{JOB}}}[$__rate_interval]"
    return f"increase({counter}) / count_over_time({counter})"
