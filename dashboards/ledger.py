"""The ledger's SQL, in the two dialects it is kept in. Pure.

A panel's range comes from Grafana, which knows the reader's time zone, so a day or a month on
a board is the one that `farebox report spend --timezone` adds up. `spend` holds quarter hours,
and every zone in use lies a whole number of them from UTC.
"""

# ruff: noqa: S608 - no text of a caller or a reader gets into this SQL

from dataclasses import dataclass

from pricing import BUNDLED, load_tables

PRO = "gemini-3-pro-image-preview"
FLASH = "gemini-3.1-flash-image-preview"  # Nano Banana 2
NO_TEAM = "(no team)"
OPEN = "('reserved', 'accepted', 'uncertain')"


@dataclass(frozen=True, slots=True)
class Dialect:
    """How one database spells what the other spells differently."""

    name: str
    title: str
    plugin: str
    since: str  # first second of the panel's range, seconds since 1970 UTC
    until: str  # the second after its last
    tag: str  # the value of the tag `$tag`
    tag_names: str
    days_in_month: str  # of the month that starts at `since`

    @property
    def is_sqlite(self) -> bool:
        """Say whether this is the embedded database."""
        return self.name == "sqlite"


_MIDDLE = 15 * 86400  # in every zone this far into a month is inside of it, in UTC too

POSTGRESQL = Dialect(
    name="postgresql",
    title="PostgreSQL",
    plugin="grafana-postgresql-datasource",
    since="$__unixEpochFrom()",
    until="$__unixEpochTo()",
    tag="CAST(tags AS jsonb) ->> ${tag:sqlstring}",
    tag_names="SELECT DISTINCT jsonb_object_keys(CAST(tags AS jsonb)) FROM spend ORDER BY 1",
    days_in_month=(
        f"CAST(extract(day FROM date_trunc('month', to_timestamp($__unixEpochFrom() + {_MIDDLE})"
        " AT TIME ZONE 'UTC') + interval '1 month' - interval '1 day') AS bigint)"
    ),
)
SQLITE = Dialect(
    name="sqlite",
    title="SQLite",
    plugin="frser-sqlite-datasource",
    since="($__from / 1000)",
    until="($__to / 1000)",
    tag="""json_extract(tags, '$."' || ${tag:sqlstring} || '"')""",
    tag_names="SELECT DISTINCT key FROM spend, json_each(spend.tags) ORDER BY 1",
    days_in_month=(
        f"CAST(strftime('%d', ($__from / 1000) + {_MIDDLE}, 'unixepoch', 'start of month',"
        " '+1 month', '-1 day') AS integer)"
    ),
)

TEAM = f"CASE team WHEN '' THEN '{NO_TEAM}' ELSE team END"
CHOSEN = " AND ".join(
    f"('*' IN (${{{name}:sqlstring}}) OR {column} IN (${{{name}:sqlstring}}))"
    for name, column in (("team", TEAM), ("key", "key_name"), ("model", "model"))
)


def usd(expression: str) -> str:
    """Turn micro-USD into dollars: the last step, after every sum."""
    return f"{expression} / 1000000.0"


def total(column: str) -> str:
    """Add a column up, 0 where there is nothing."""
    return f"coalesce(sum({column}), 0)"


def within(dialect: Dialect) -> str:
    """Keep what was admitted in the panel's range, of what the reader chose."""
    return f"quarter * 900 >= {dialect.since} AND quarter * 900 < {dialect.until}\nAND {CHOSEN}"


def admitted(dialect: Dialect) -> str:
    """Keep the charges admitted in the panel's range, of what the reader chose."""
    return (
        f"admitted_us >= {dialect.since} * CAST(1000000 AS bigint)"
        f" AND admitted_us < {dialect.until} * CAST(1000000 AS bigint)\n"
        f"AND {CHOSEN}"
    )


def one_sum(dialect: Dialect, expression: str, name: str) -> str:
    """Ask for one figure of the panel's range."""
    return f'SELECT {expression} AS "{name}" FROM spend WHERE {within(dialect)}'


def by_day(dialect: Dialect, metric: str, expression: str, name: str) -> str:
    """Ask for a figure a day, a line each; days start where the range starts."""
    day = f"{dialect.since} + (quarter * 900 - {dialect.since}) / 86400 * 86400"
    return f"""SELECT {day} AS time, {metric} AS metric, {expression} AS "{name}"
        FROM spend WHERE {within(dialect)}
        GROUP BY 1, 2 ORDER BY 1, 2"""


def report(dialect: Dialect, groups: dict[str, str]) -> str:
    """Ask for what `farebox report spend` prints, grouped, and the price of one image."""
    head = ", ".join(f'{expression} AS "{name}"' for name, expression in groups.items())
    keys = ", ".join(str(n) for n in range(1, len(groups) + 1))
    spent, listed, images = total("spend_micros"), total("list_micros"), "sum(images)"
    return f"""SELECT {head},
        {total("calls")} AS "Calls",
        {total("images")} AS "Images",
        {usd(spent)} AS "Spend",
        {usd(listed)} AS "At list price",
        {usd(f"({listed} - {spent})")} AS "Saved",
        {usd("sum(spend_micros)")} / nullif({images}, 0) AS "Per image"
        FROM spend WHERE {within(dialect)}
        GROUP BY {keys} ORDER BY "Spend" DESC, {keys}"""


def swap_rows() -> str:
    """Spell what one image costs on Pro and on Nano Banana 2, by resolution, as SQL rows."""
    return ", ".join(f"('{size}', {pro}, {flash})" for size, pro, flash in swap())


def swap() -> list[tuple[str, int, int]]:
    """Compare Pro with Nano Banana 2 at the newest bundled prices, in micro-USD."""
    models = load_tables(BUNDLED).versions[-1].models
    unit = {
        model: {rate.resolution: int(rate.usd_micros) for rate in models[model].rates}
        for model in (PRO, FLASH)
    }
    return [(size, micros, unit[FLASH][size]) for size, micros in unit[PRO].items()]


def newest_prices() -> str:
    """Name the version that the comparison is made at."""
    return load_tables(BUNDLED).versions[-1].version
