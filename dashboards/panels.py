"""The kinds of panels that the boards are made of, each with the settings they share."""

from collections.abc import Sequence
from typing import Any

from grafana_foundation_sdk.builders import (
    bargauge,
    common,
    dashboard,
    gauge,
    stat,
    table,
    timeseries,
)
from grafana_foundation_sdk.cog import builder, variants
from grafana_foundation_sdk.models import common as shapes
from grafana_foundation_sdk.models.common import DataSourceRef
from grafana_foundation_sdk.models.dashboard import (
    DataTransformerConfig,
    DynamicConfigValue,
    FieldColorModeId,
    Threshold,
    ThresholdsMode,
)

from dashboards.sources import METRICS

USD = "currencyUSD"  # scaled: $1.5K
CENTS = "prefix:$"  # as it is
RATIO = "percentunit"
SECONDS = "s"
COUNT = "locale"  # 2,606: `short` without decimals makes 3 K of it
TIMES = "none"
INSTANT = "dateTimeAsIso"
GREEN, ORANGE, RED, BLUE = "green", "orange", "red", "blue"
FULLNESS = ((None, GREEN), (0.8, ORANGE), (0.99, RED))
ALARM = ((None, GREEN), (1, RED))
WARNING = ((None, GREEN), (1, ORANGE))
PLAIN = ((None, BLUE),)

PLACES = {CENTS: 6, RATIO: 1, TIMES: 2}  # of a table's columns, by unit

Query = builder.Builder[variants.Dataquery]
Steps = Sequence[tuple[float | None, str]]


def figure(
    title: str,
    words: str,
    query: Query,
    *,
    unit: str = USD,
    steps: Steps = PLAIN,
    source: DataSourceRef = METRICS,
    decimals: int | None = None,
    line: bool = False,
) -> Any:
    """One number; `line` draws its course behind it."""
    panel = (
        stat.Panel()
        .graph_mode(shapes.BigValueGraphMode.AREA if line else shapes.BigValueGraphMode.NONE)
        .color_mode(shapes.BigValueColorMode.VALUE)
        .text_mode(shapes.BigValueTextMode.VALUE)
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
        .span(4)
        .height(4)
    )
    return _shared(
        panel,
        title,
        words,
        queries=[query],
        unit=unit,
        steps=steps,
        source=source,
        decimals=decimals,
    )


def dial(
    title: str, words: str, query: Query, *, source: DataSourceRef = METRICS, none: str = ""
) -> Any:
    """One share of a whole; `none` is said where there is no value, and why."""
    panel = (
        gauge.Panel()
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
        .min(0)
        .max(1)
        .no_value(none)
        .span(4)
        .height(4)
    )
    return _shared(
        panel, title, words, queries=[query], unit=RATIO, steps=FULLNESS, source=source, decimals=0
    )


def bars(
    title: str,
    words: str,
    query: Query,
    *,
    unit: str,
    steps: Steps = PLAIN,
    most: float | None = None,
    source: DataSourceRef = METRICS,
    rows: bool = False,
) -> Any:
    """One bar a series, or with `rows` one a row of the answer."""
    panel = (
        bargauge.Panel()
        .orientation(shapes.VizOrientation.HORIZONTAL)
        .display_mode(shapes.BarGaugeDisplayMode.BASIC)
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]).values(rows))
        .min(0)
        .span(12)
        .height(8)
    )
    if most is not None:
        panel.max(most)
    return _shared(panel, title, words, queries=[query], unit=unit, steps=steps, source=source)


def lines(
    title: str,
    words: str,
    *queries: Query,
    unit: str,
    stacked: bool = False,
    columns: bool = False,
    source: DataSourceRef = METRICS,
    steps: Steps | None = None,
) -> Any:
    """Lines over time, or columns; `steps` are drawn as lines of their own."""
    panel = (
        timeseries.Panel()
        .legend(_legend())
        .tooltip(common.VizTooltipOptions().mode(shapes.TooltipDisplayMode.MULTI))
        .line_width(1)
        .fill_opacity(70 if columns else 10)
        .draw_style(shapes.GraphDrawStyle.BARS if columns else shapes.GraphDrawStyle.LINE)
        .show_points(shapes.VisibilityMode.AUTO)
        .axis_soft_min(0)
        .color_scheme(dashboard.FieldColor().mode(FieldColorModeId.PALETTE_CLASSIC))
        .span(12)
        .height(8)
    )
    if stacked:
        panel.stacking(common.StackingConfig().mode(shapes.StackingMode.NORMAL).group("A"))
    if steps is not None:
        style = common.GraphThresholdsStyleConfig().mode(shapes.GraphThresholdsStyleMode.DASHED)
        panel.thresholds_style(style)
    return _shared(
        panel, title, words, queries=queries, unit=unit, steps=steps or PLAIN, source=source
    )


def _legend() -> common.VizLegendOptions:
    return (
        common.VizLegendOptions()
        .display_mode(shapes.LegendDisplayMode.LIST)
        .placement(shapes.LegendPlacement.BOTTOM)
        .show_legend(True)  # noqa: FBT003 - the SDK's setter
        .calcs([])
    )


def rows(
    title: str,
    words: str,
    *queries: Query,
    units: dict[str, str],
    source: DataSourceRef = METRICS,
    links: dict[str, tuple[str, str]] | None = None,
    steps: dict[str, Steps] | None = None,
) -> Any:
    """A table; `units` by column, `links` by column as (title, URL)."""
    panel = table.Panel().filterable(True).span(24).height(9)  # noqa: FBT003 - the SDK's setter
    for column, unit in units.items():
        panel.override_by_name(column, [DynamicConfigValue("unit", unit), *_places(unit)])
    for column, (name, url) in (links or {}).items():
        link = {"title": name, "url": url}
        panel.override_by_name(column, [DynamicConfigValue("links", [link])])
    for column, each in (steps or {}).items():
        panel.override_by_name(column, _coloured(each))
    return _shared(panel, title, words, queries=queries, unit=COUNT, steps=PLAIN, source=source)


def _places(unit: str) -> list[DynamicConfigValue]:
    """Show money whole, as reports do: with six decimals."""
    found = PLACES.get(unit)
    return [] if found is None else [DynamicConfigValue("decimals", found)]


def _coloured(steps: Steps) -> list[DynamicConfigValue]:
    return [
        DynamicConfigValue(
            "thresholds",
            {"mode": "absolute", "steps": [{"value": at, "color": color} for at, color in steps]},
        ),
        DynamicConfigValue("custom.cellOptions", {"type": "color-text"}),
    ]


def _shared(
    panel: Any,
    title: str,
    words: str,
    *,
    queries: Sequence[Query],
    unit: str,
    steps: Steps,
    source: DataSourceRef,
    decimals: int | None = None,
) -> Any:
    panel.title(title).description(" ".join(words.split())).unit(unit).datasource(source)
    panel.thresholds(thresholds(steps))
    if decimals is None and unit == COUNT:
        decimals = 0  # an increase is estimated between scrapes, a count is not
    if decimals is not None:
        panel.decimals(decimals)
    for query in queries:
        panel.with_target(query)
    return panel


def thresholds(steps: Steps) -> dashboard.ThresholdsConfig:
    """Colour by value, from each step on."""
    return (
        dashboard.ThresholdsConfig()
        .mode(ThresholdsMode.ABSOLUTE)
        .steps([Threshold(value=at, color=color) for at, color in steps])
    )


def transformed(panel: Any, *steps: tuple[str, dict[str, Any]]) -> Any:
    """Reshape what the queries answer before it is drawn."""
    for name, options in steps:
        panel.with_transformation(DataTransformerConfig(id_val=name, options=options))
    return panel


def between(panel: Any, since: str, shift: str | None = None) -> Any:
    """Give a panel a range of its own: `now/d` is today; a shift of `1M/M` the month before."""
    panel.time_from(since)
    if shift is not None:
        panel.time_shift(shift)
    return panel
