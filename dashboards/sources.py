"""Where a panel's figures come from, and how a query for them is spelled."""

from grafana_foundation_sdk.builders import prometheus
from grafana_foundation_sdk.cog import builder, variants
from grafana_foundation_sdk.models.common import DataSourceRef
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from dashboards.ledger import Dialect

METRICS = DataSourceRef(type_val="prometheus", uid="${metrics}")


def ledger_source(dialect: Dialect) -> DataSourceRef:
    """Name the data source that holds the ledger."""
    return DataSourceRef(type_val=dialect.plugin, uid="${ledger}")


def at_once(expr: str, legend: str = "__auto", *, ref: str = "A") -> prometheus.Dataquery:
    """Ask for one value a series, as of now."""
    return _query(expr, legend, ref).instant()


def over_time(expr: str, legend: str = "__auto", *, ref: str = "A") -> prometheus.Dataquery:
    """Ask for a line a series."""
    return _query(expr, legend, ref).range()


def as_rows(expr: str, *, ref: str) -> prometheus.Dataquery:
    """Ask for one row a series, as of now: the labels are columns."""
    return at_once(expr, ref=ref).format(PromQueryFormat.TABLE)


def _query(expr: str, legend: str, ref: str) -> prometheus.Dataquery:
    return (
        prometheus.Dataquery()
        .datasource(METRICS)
        .expr(" ".join(expr.split()))
        .legend_format(legend)
        .ref_id(ref)
    )


class SqlQuery(variants.Dataquery):
    """A query of the ledger; the SDK has none for SQL data sources."""

    def __init__(self, dialect: Dialect, sql: str, *, lines: bool, ref: str) -> None:
        self.dialect, self.lines, self.ref = dialect, lines, ref
        self.sql = "\n".join(line.strip() for line in sql.strip().splitlines())

    def to_json(self) -> dict[str, object]:
        """Spell the query as the data source's plugin stores it."""
        head = {"refId": self.ref, "datasource": ledger_source(self.dialect)}
        if self.dialect.is_sqlite:
            return {
                **head,
                "queryText": self.sql,
                "rawQueryText": self.sql,
                "queryType": "time series" if self.lines else "table",
                "timeColumns": ["time", "ts"] if self.lines else [],
            }
        return {
            **head,
            "editorMode": "code",
            "rawQuery": True,
            "rawSql": self.sql,
            "format": "time_series" if self.lines else "table",
        }


class Sql(builder.Builder[variants.Dataquery]):
    """Ask the ledger: `lines` for a column `time`, `metric` and a value, else a table."""

    def __init__(self, dialect: Dialect, sql: str, *, lines: bool = False, ref: str = "A") -> None:
        self._query = SqlQuery(dialect, sql, lines=lines, ref=ref)

    def build(self) -> variants.Dataquery:
        """Give the query out."""
        return self._query
