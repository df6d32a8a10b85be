"""A board: rows of panels, numbered, on a grid 24 wide, with what every board shares."""

# ruff: noqa: S608 - no text of a caller or a reader gets into this SQL

from typing import Any

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.models.dashboard import (
    Dashboard,
    DashboardCursorSync,
    DashboardLinkType,
    VariableOption,
    VariableRefresh,
    VariableSort,
)

from dashboards.ledger import TEAM, Dialect
from dashboards.sources import METRICS, at_once, ledger_source

TAG = "farebox"


class Board:
    """Collects panels; ids are given in order, so that a link to a panel stays good."""

    def __init__(self, uid: str, title: str, words: str, *, since: str, refresh: str) -> None:
        self._number = 0
        self._made = (
            dashboard.Dashboard(f"Farebox: {title}")
            .uid(f"farebox-{uid}")
            .description(" ".join(words.split()))
            .tags([TAG])
            .time(since, "now")
            .timezone("browser")
            .refresh(refresh)
            .tooltip(DashboardCursorSync.CROSSHAIR)
            .editable()
            .link(_others())
            .with_variable(_source("metrics", "Metrics", METRICS.type_val or ""))
        )

    def build(self) -> Dashboard:
        """Give the board out."""
        return self._made.build()

    def choice(self, name: str, label: str, query: str, source: Any = METRICS) -> None:
        """Let the reader choose among what a query finds; without a choice it is all of them."""
        found: Any = {"query": query, "refId": name} if source is METRICS else query
        self._made.with_variable(
            dashboard.QueryVariable(name)
            .label(label)
            .datasource(source)
            .query(found)
            .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
            .sort(VariableSort.ALPHABETICAL_ASC)
            .multi(True)  # noqa: FBT003 - the SDK's setter
            .include_all(True)  # noqa: FBT003 - the SDK's setter
            .all_value(".*" if source is METRICS else "'*'")
            .current(_all())
        )

    def one_of(self, name: str, label: str, query: str, source: Any) -> None:
        """Let the reader choose one of what a query finds."""
        self._made.with_variable(
            dashboard.QueryVariable(name)
            .label(label)
            .datasource(source)
            .query(query)
            .refresh(VariableRefresh.ON_DASHBOARD_LOAD)
        )

    def ledger(self, dialect: Dialect) -> None:
        """Let the reader choose the data source that holds the ledger."""
        self._made.with_variable(_source("ledger", "Ledger", dialect.plugin))

    def row(self, title: str, *panels: Any) -> None:
        """Add panels under a heading."""
        self._made.with_row(dashboard.Row(title).id(self._next()))
        for panel in panels:
            self._made.with_panel(panel.id(self._next()))

    def annotate(self, name: str, words: str, expr: str, color: str, *, at_value: bool) -> None:
        """Mark instants on every line: where the series is above 0, or at its value."""
        self._made.annotation(
            dashboard.AnnotationQuery()
            .name(name)
            .datasource(METRICS)
            .enable(True)  # noqa: FBT003 - the SDK's setter
            .icon_color(color)
            .expr(expr)
            .target(at_once(expr, ref="Anno").range())
            .title_format(words)
            .use_value_for_time(at_value)
            .step("60s")
        )

    def _next(self) -> int:
        self._number += 1
        return self._number


def _source(name: str, label: str, plugin: str) -> dashboard.DatasourceVariable:
    return dashboard.DatasourceVariable(name).label(label).type(plugin)


def _all() -> Any:
    return VariableOption(selected=True, text=["All"], value=["$__all"])


def _others() -> dashboard.DashboardLink:
    return (
        dashboard.DashboardLink("Farebox")
        .type(DashboardLinkType.DASHBOARDS)
        .tags([TAG])
        .keep_time(False)  # noqa: FBT003 - the SDK's setter
        .include_vars(True)  # noqa: FBT003 - the SDK's setter
        .icon("external link")
        .tooltip("The other boards of Farebox, for the same team, key and model")
    )


def choose_metrics(board: Board) -> None:
    """Add the choices of a board that asks Prometheus, and its annotations."""
    board.choice("job", "Installation", "label_values(farebox_price_table_info, job)")
    team = 'label_values(farebox_budget_limit_usd{job=~"$job"}, team)'
    key = 'label_values(farebox_budget_limit_usd{job=~"$job", team=~"$team"}, key)'
    board.choice("team", "Team", team)
    board.choice("key", "Key", key)
    board.choice("model", "Model", 'label_values(farebox_spend_usd_total{job=~"$job"}, model)')
    annotate(board)


def choose_ledger(board: Board, dialect: Dialect) -> None:
    """Add the choices of a board that asks the ledger, and the annotations."""
    source = ledger_source(dialect)
    board.ledger(dialect)
    board.choice("job", "Installation", "label_values(farebox_price_table_info, job)")
    board.choice("team", "Team", f"SELECT DISTINCT {TEAM} FROM spend ORDER BY 1", source)
    board.choice("key", "Key", "SELECT DISTINCT key_name FROM spend ORDER BY 1", source)
    board.choice("model", "Model", "SELECT DISTINCT model FROM spend ORDER BY 1", source)
    annotate(board)


def annotate(board: Board) -> None:
    """Mark what explains a bend in every line: new prices and refused calls."""
    board.annotate(
        "Price table",
        "prices {{version}}",
        'max by (version) (farebox_price_table_effective_timestamp_seconds{job=~"$job"}) * 1000',
        "blue",
        at_value=True,
    )
    board.annotate(
        "Refused",
        "refused: {{reason}}",
        'sum by (reason) (increase(farebox_refusals_total{job=~"$job"}[1m])) > 0',
        "orange",
        at_value=False,
    )
