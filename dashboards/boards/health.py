"""Proxy health: does Farebox answer, how much time does it cost, is the ledger sound."""

from typing import Any

from dashboards.board import Board, choose_metrics
from dashboards.panels import (
    ALARM,
    COUNT,
    GREEN,
    INSTANT,
    ORANGE,
    RED,
    SECONDS,
    USD,
    WARNING,
    bars,
    figure,
    lines,
    rows,
    transformed,
)
from dashboards.promql import JOB, once, or_none, per_second, quantile, summed
from dashboards.sources import as_rows, at_once, over_time

MODELS = f'{JOB}, model=~"$model"'
OLD = ((None, GREEN), (7200, ORANGE), (86400, RED))


def board() -> Board:
    """Build the board."""
    made = Board(
        "health",
        "Proxy health",
        """Whether Farebox answers, what it adds to a call, what the provider does, and whether
        every fare is being decided.""",
        since="now-3h",
        refresh="30s",
    )
    choose_metrics(made)
    made.row("Now", *_now())
    made.row("Calls", *_calls())
    made.row("The provider", *_upstream())
    made.row("The ledger", *_ledger())
    made.row("Undecided fares", *_open())
    made.row("Money that needs a look", *_odd())
    made.row("Prices and scraping", *_rest())
    return made


def _now() -> list[Any]:
    return [
        figure(
            "Nodes up",
            """Processes that Prometheus reaches. 0 means that no alert can be trusted: see the
            runbook of MetricsDown.""",
            at_once(or_none(f"sum(up{{{JOB}}})")),
            unit=COUNT,
            steps=((None, RED), (1, GREEN)),
        ),
        figure(
            "Ledger errors, 1 h",
            """Reads or writes of the ledger that failed. Submits answer 503 while it cannot be
            written: see the runbook of LedgerErrors.""",
            at_once(or_none(f"sum(increase(farebox_ledger_errors_total{{{JOB}}}[1h]))")),
            unit=COUNT,
            steps=ALARM,
        ),
        figure(
            "Oldest undecided fare",
            """Images take seconds to minutes, so hours mean that nobody is deciding: see the
            runbook of OldestChargeTooOld.""",
            at_once(f"max({once('farebox_oldest_open_charge_seconds')})"),
            unit=SECONDS,
            steps=OLD,
        ),
        figure(
            "Uncertain fares",
            """Calls whose outcome nobody knows; their money stays held. `farebox charges list`
            names them, the runbook of ChargesUncertain decides them.""",
            at_once(f"sum({once('farebox_charges_open', _state('uncertain'))})"),
            unit=COUNT,
            steps=WARNING,
        ),
        figure(
            "Unpriced calls, 1 h",
            """Calls without a price, refused or relayed. Add the model to the price table: see
            the runbook of UnpricedCalls.""",
            at_once(or_none(f"sum(increase(farebox_unpriced_total{{{JOB}}}[1h]))")),
            unit=COUNT,
            steps=WARNING,
        ),
        figure(
            "Age of the prices",
            """How long the price table in force has been in force. After 90 days compare it
            with the provider's pages: see the runbook of PriceReviewDue.""",
            at_once(f"time() - max({_started()} <= time())"),
            unit=SECONDS,
            steps=((None, GREEN), (90 * 86400, ORANGE)),
        ),
    ]


def _state(state: str) -> str:
    return f'{JOB}, state="{state}"'


def _started() -> str:
    return f"farebox_price_table_effective_timestamp_seconds{{{JOB}}}"


def _calls() -> list[Any]:
    took, added = "farebox_request_duration_seconds", "farebox_overhead_seconds"
    return [
        lines(
            "Calls by route",
            """Calls a second. `submit` buys an image, `poll` asks for it. Many polls for each
            submit are impatient clients: they cost nothing but sockets.""",
            over_time(per_second("route", "farebox_requests_total"), "{{route}}"),
            unit="reqps",
        ),
        lines(
            "Answers by status",
            """402 and 400 are refusals of ours or of the provider, 502 and 504 the provider's
            silence, 503 a ledger that cannot be written or a node that is stopping.""",
            over_time(per_second("status", "farebox_requests_total"), "{{status}}"),
            unit="reqps",
            stacked=True,
        ),
        lines(
            "Whole call, median and 95%",
            """From a call's head to the end of its answer, the provider's part included. Compare
            with the next panel before looking for the fault here.""",
            over_time(quantile(0.5, "route", took), "{{route}} 50%", ref="A"),
            over_time(quantile(0.95, "route", took), "{{route}} 95%", ref="B"),
            unit=SECONDS,
        ),
        lines(
            "What Farebox adds, median and 99%",
            """The part of a call that was not waiting for the provider: reading the price,
            taking the fare, writing the ledger. Above 50 ms look at the ledger's commits.""",
            over_time(quantile(0.5, "route", added), "{{route}} 50%", ref="A"),
            over_time(quantile(0.99, "route", added), "{{route}} 99%", ref="B"),
            unit=SECONDS,
        ),
        lines(
            "In flight",
            """Calls being answered. Towards FAREBOX_MAX_IN_FLIGHT new ones get 503: add workers
            or find out what the provider is slow at.""",
            over_time(f"sum by (route) (farebox_in_flight_requests{{{JOB}}})", "{{route}}"),
            unit=COUNT,
        ),
        lines(
            "From order to image, 95%",
            """From a fare's admission to the moment its image was seen finished: what people
            wait for. Seen late where clients poll late.""",
            over_time(
                quantile(0.95, "model, resolution", "farebox_generation_duration_seconds", MODELS),
                "{{model}} {{resolution}}",
            ),
            unit=SECONDS,
        ),
    ]


def _upstream() -> list[Any]:
    waited = "farebox_upstream_duration_seconds"
    return [
        lines(
            "Provider's answer time by model, 95%",
            """Waiting for the provider, by model. One model slow is the model; all slow is the
            provider or the line to it.""",
            over_time(quantile(0.95, "model", waited, MODELS), "{{model}}"),
            unit=SECONDS,
        ),
        lines(
            "Errors by kind",
            """`balance_empty`: pay the provider, at once. `rate_limited`: spread the batch.
            `content_policy` and `bad_request` are the callers'. `timeout` and `broken` leave
            fares uncertain: see the runbook of UpstreamErrors.""",
            over_time(or_none(summed("kind", "farebox_upstream_errors_total"), "kind"), "{{kind}}"),
            unit=COUNT,
            columns=True,
            stacked=True,
        ),
    ]


def _ledger() -> list[Any]:
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
        lines(
            "Ledger errors by kind",
            """Anything above 0 needs a look: `busy` another process holding the database,
            `full` the disk, `gone` a database file that was replaced.""",
            over_time(or_none(summed("kind", "farebox_ledger_errors_total"), "kind"), "{{kind}}"),
            unit=COUNT,
            columns=True,
        ),
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


def _rate(metric: str, part: str) -> str:
    return f"sum(rate({metric}_{part}{{{JOB}}}[$__rate_interval]))"


def _open() -> list[Any]:
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


def _odd() -> list[Any]:
    return [
        bars(
            "Overruns by model",
            """Fares that came to more than was held: the provider made more images than were
            ordered. See the runbook of BudgetOverrun.""",
            at_once(
                or_none(f"sum by (model) ({once('farebox_overruns_total')})", "model"), "{{model}}"
            ),
            unit=COUNT,
        ).span(8),
        bars(
            "Corrections",
            """What was learnt after a fare had been decided without proof, up and down. The
            totals of reports hold it, on the day of admission.""",
            at_once(
                f"sum by (direction) ({once('farebox_corrections_usd_total')})", "{{direction}}"
            ),
            unit=USD,
        ).span(8),
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


def _rest() -> list[Any]:
    versions = rows(
        "Price tables",
        """The versions in the ledger and when each comes or came into force. A charge keeps the
        version it was priced at for good.""",
        as_rows(f"max by (version) (farebox_price_table_info{{{JOB}}})", ref="A"),
        as_rows(f"max by (version) ({_started()}) * 1000", ref="B"),
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
            with what callers make up.""",
            over_time(f"scrape_samples_scraped{{{JOB}}}", "{{instance}}"),
            unit=COUNT,
        )
        .span(8)
        .height(7),
    ]
