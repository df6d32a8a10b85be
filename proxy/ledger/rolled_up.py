"""What reports and metrics are made of, derived again from the entries and compared row by row.

The rule is `settlement.roll_up`: what a settlement or a correction moves is added under the names
that the charge has had since its admission. The counters never fall, so a correction downwards is
not taken off them; it is counted beside them.
"""

from collections.abc import Iterator
from typing import Any

from proxy.ledger.difference import Difference, unequal
from proxy.ledger.session import Session
from proxy.ledger.settlement import QUARTER_US

_SPEND = "quarter,key_id,key_name,team,model,resolution,task,version,tags"
_TOTAL = "team,key_name,model,resolution"


def _same(key: str) -> str:
    return " AND ".join(f"d.{column}=f.{column}" for column in key.split(","))


def _either(*columns: str) -> str:
    return ",".join(f"coalesce(d.{column},f.{column})" for column in columns)


def _both(*figures: str) -> str:
    return ",".join(f"coalesce(d.{each},0),coalesce(f.{each},0)" for each in figures)


def _unlike(*figures: str) -> str:
    unlike = " OR ".join(f"d.{figure}<>f.{figure}" for figure in figures)
    return f"d.model IS NULL OR f.model IS NULL OR {unlike}"


_SOLD = f"""
WITH sold AS MATERIALIZED (
  SELECT c.admitted_us/{QUARTER_US} AS quarter, c.key_id, c.key_name, c.team, c.model,
         c.resolution, c.task, c.price_version AS version, c.tags,
         sum(CASE WHEN e.kind='settle' THEN 1 ELSE 0 END) AS calls, sum(e.images) AS images,
         sum(e.settled_micros) AS spend_micros,
         sum(e.images*coalesce(c.list_unit_micros,c.unit_micros)) AS list_micros,
         sum(CASE WHEN e.settled_micros>0 THEN e.settled_micros ELSE 0 END) AS up_micros,
         sum(CASE WHEN e.images>0 THEN e.images ELSE 0 END) AS up_images
  FROM entries e JOIN charges c ON c.id=e.charge_id
  WHERE e.kind IN ('settle','correct') AND c.price_status<>'unpriced'
  GROUP BY 1,2,3,4,5,6,7,8,9
), counted AS (
  SELECT {_TOTAL}, sum(up_micros) AS spend_micros, sum(up_images) AS images
  FROM sold WHERE up_micros>0 OR up_images>0 GROUP BY {_TOTAL}
)"""  # noqa: S608 - names of ours, here and below
_FIGURES = ("calls", "images", "spend_micros", "list_micros")
_AGAINST_BOTH = f"""{_SOLD}
SELECT 'spend',{_either(*_SPEND.split(","))},
       d.model IS NOT NULL,f.model IS NOT NULL,{_both(*_FIGURES)}
FROM sold d FULL JOIN spend f ON {_same(_SPEND)} WHERE {_unlike(*_FIGURES)}
UNION ALL
SELECT 'total',0,'',{_either("key_name", "team", "model", "resolution")},'','','',
       d.model IS NOT NULL,f.model IS NOT NULL,0,0,{_both("images", "spend_micros")},0,0
FROM counted d FULL JOIN totals f ON {_same(_TOTAL)} WHERE {_unlike("images", "spend_micros")}
"""  # noqa: S608
_CORRECTIONS = """
SELECT coalesce(sum(CASE WHEN settled_micros>0 THEN settled_micros END),0),
       coalesce((SELECT value FROM tallies WHERE name='corrections' AND label='up'),0),
       coalesce(sum(CASE WHEN settled_micros<0 THEN -settled_micros END),0),
       coalesce((SELECT value FROM tallies WHERE name='corrections' AND label='down'),0)
FROM entries WHERE kind='correct'
"""


def differences(session: Session) -> Iterator[Difference]:
    """Compare the reports' roll-up, the counters and the sums of the corrections."""
    for table, *rest in session.rows(_AGAINST_BOTH):
        yield from unequal(_place(table, *rest[:9]), **_figures(*map(int, rest[9:])))
    up, counted_up, down, counted_down = map(int, session.rows(_CORRECTIONS)[0])
    yield from unequal("corrections", up=(up, counted_up), down=(down, counted_down))


def _place(table: str, quarter: int, key_id: str, key_name: str, *of: str) -> str:
    team, model, resolution, task, version, tags = of
    place = f"{table} of {key_name} in team '{team}' on {model} at {resolution}"
    if table == "total":
        return place
    since = f"from microsecond {int(quarter) * QUARTER_US}"
    return f"{place} for {task} in version {version} with {tags} {since} ({key_id})"


def _figures(*pairs: int) -> dict[str, Any]:
    names = ("rows", *_FIGURES)
    return dict(zip(names, zip(pairs[::2], pairs[1::2], strict=True), strict=True))
