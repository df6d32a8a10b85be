"""Proxy health: does Farebox answer, how much time does it cost, is the ledger sound."""

from typing import Any

from dashboards.board import Board, choose_metrics
from dashboards.boards import health_ledger
from dashboards.panels import (
    ALARM,
    COUNT,
    GREEN,
    ORANGE,
    RED,
    SECONDS,
    WARNING,
    figure,
    lines,
)
from dashboards.promql import JOB, lately, once, or_none, per_second, quantile, summed
from dashboards.sources import at_once, over_time

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
    made.row("Now", *_now(), *_now_too())
    made.row("Calls", *_calls(), *_inside())
    made.row("The provider", *_upstream())
    made.row("The ledger", *health_ledger.ledger())
    made.row("Undecided fares", *health_ledger.undecided())
    made.row("Money that needs a look", *health_ledger.odd())
    made.row("Prices and scraping", *health_ledger.rest())
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
            at_once(or_none(lately("farebox_ledger_errors_total"))),
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
    ]


def _now_too() -> list[Any]:
    return [
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
            at_once(or_none(lately("farebox_unpriced_total"))),
            unit=COUNT,
            steps=WARNING,
        ),
        figure(
            "Age of the prices",
            """How long the price table in force has been in force. After 90 days compare it
            with the provider's pages: see the runbook of PriceReviewDue.""",
            at_once(f"time() - max({health_ledger.started()} <= time())"),
            unit=SECONDS,
            steps=((None, GREEN), (90 * 86400, ORANGE)),
        ),
    ]


def _state(state: str) -> str:
    return f'{JOB}, state="{state}"'


def _calls() -> list[Any]:
    took = "farebox_request_duration_seconds"
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
    ]


def _inside() -> list[Any]:
    added = "farebox_overhead_seconds"
    return [
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
