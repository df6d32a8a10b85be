"""Budgets now: who has how much left, until when it lasts, and who was turned away."""

from typing import Any

from dashboards.board import Board, choose_metrics
from dashboards.panels import (
    ALARM,
    CENTS,
    COUNT,
    FULLNESS,
    INSTANT,
    RATIO,
    USD,
    WARNING,
    bars,
    dial,
    figure,
    lines,
    rows,
    transformed,
)
from dashboards.promql import OURS, lately, once, or_none, summed
from dashboards.sources import as_rows, at_once, over_time

USED = f"farebox:budget_used:ratio{{{OURS}}}"
KEYS = f'farebox:budget_used:ratio{{{OURS}, scope="key"}}'
SHARED = 'farebox:budget_used:ratio{job=~"$job", scope=~"team|installation", team=~"$team|"}'


def board() -> Board:
    """Build the board."""
    made = Board(
        "budgets",
        "Budgets now",
        """Every budget as it stands: limit, spent, held, left. Held money is taken like spent
        money until its call is decided. Read from the ledger at every scrape.""",
        since="now-24h",
        refresh="30s",
    )
    choose_metrics(made)
    made.row("Now", *_now(), *_now_too())
    made.row("Every budget", _table(), _by_key(), _by_team())
    made.row("Through the day", *_course())
    made.row("Turned away", *_refusals())
    return made


def _now() -> list[Any]:
    return [
        figure(
            "Keys over 80%",
            """Keys with little left. Find them below; raise the limit with `farebox keys set`,
            or for today only with `farebox keys top-up`, before their callers are refused.""",
            at_once(or_none(f"count({KEYS} >= 0.8)")),
            unit=COUNT,
            steps=WARNING,
        ),
        figure(
            "Budgets spent",
            """Budgets with less than one per cent left, of keys, teams and the installation:
            calls under them are refused now, but of keys in shadow mode. The table says when
            they open again.""",
            at_once(or_none(f"count({USED} >= 0.99)")),
            unit=COUNT,
            steps=ALARM,
        ),
        figure(
            "Spent too soon",
            """Budgets that will be spent before they reset if today goes on as it went. Ask the
            team whether the pace is meant; a lower resolution goes furthest.""",
            at_once(or_none(f"count({_early()})")),
            unit=COUNT,
            steps=WARNING,
        ),
    ]


def _now_too() -> list[Any]:
    return [
        figure(
            "Refused, 1 h",
            """Calls that Farebox turned away, for whatever reason; those below say which. A
            refused call costs nothing and never reaches the provider. What keys in shadow mode
            were let through with is not among them.""",
            at_once(or_none(lately("farebox_refusals_total", f'{OURS}, reason!="shadow"'))),
            unit=COUNT,
            steps=WARNING,
        ),
        figure(
            "Held",
            """Money of calls that are not decided yet. It comes down by itself as images are
            finished; if it only grows, look at the open charges on the health board.""",
            at_once(f"sum({once('farebox_open_usd')})"),
        ),
        dial(
            "Installation",
            """How full the budget of the whole installation is. When it is spent every key is
            refused: raise it with `farebox teams set '*'`.""",
            at_once('max(farebox:budget_used:ratio{job=~"$job", scope="installation"})'),
            none="no limit set",
        ),
    ]


def _early() -> str:
    resets = f"max without (instance, pod) (farebox_budget_resets_timestamp_seconds{{{OURS}}})"
    return f"farebox:budget_exhausts:timestamp_seconds{{{OURS}}} < {resets}"


COLUMNS = {
    "farebox_budget_limit_usd": "Limit",
    "farebox_budget_spent_usd": "Spent",
    "farebox_budget_reserved_usd": "Held",
    "farebox_budget_remaining_usd": "Left",
}


def _table() -> Any:
    refs = "ABCD"
    queries = [
        as_rows(once(metric, OURS), ref=ref) for metric, ref in zip(COLUMNS, refs, strict=True)
    ]
    resets = once("farebox_budget_resets_timestamp_seconds", OURS)
    queries += [
        as_rows(USED, ref="E"),
        as_rows(f"farebox:budget_exhausts:timestamp_seconds{{{OURS}}} * 1000", ref="F"),
        as_rows(f"{resets} * 1000", ref="G"),
    ]
    panel = rows(
        "Budgets",
        """One line a budget; keys and teams without a limit have none. `Spent by` is when it is
        used up at the pace of its running day or month: empty while nothing is spent, and of no
        concern when it lies after the reset. A click on a key shows that key alone.""",
        *queries,
        units={
            **dict.fromkeys(COLUMNS.values(), CENTS),
            "Used": RATIO,
            "Spent by": INSTANT,
            "Resets": INSTANT,
        },
        steps={"Used": FULLNESS},
        links={"Key": ("Only this key", "/d/farebox-budgets?var-key=${__value.raw}")},
    )
    return transformed(panel, ("merge", {}), ("organize", _arranged()))


def _arranged() -> dict[str, Any]:
    names = {
        "scope": "Scope",
        "window": "Window",
        "team": "Team",
        "key": "Key",
        **{
            f"Value #{ref}": name
            for ref, name in zip(
                "ABCDEFG", [*COLUMNS.values(), "Used", "Spent by", "Resets"], strict=True
            )
        },
    }
    return {
        "excludeByName": {"Time": True, "job": True, "__name__": True},
        "indexByName": {name: place for place, name in enumerate(names)},
        "renameByName": names,
    }


def _by_key() -> Any:
    return bars(
        "How full: keys",
        """The fullest first. At 80% their owners should know; at 100% their calls are refused
        until the reset.""",
        at_once(f"topk(20, {KEYS})", "{{key}} {{window}}"),
        unit=RATIO,
        steps=FULLNESS,
        most=1,
    )


def _by_team() -> Any:
    return bars(
        "How full: teams and installation",
        """A full team stops all of its keys, whatever they have left. Change it with
        `farebox teams set`; `installation` is everything.""",
        at_once(f"sort_desc({SHARED})", "{{scope}} {{team}} {{window}}"),
        unit=RATIO,
        steps=FULLNESS,
        most=1,
    )


def _course() -> list[Any]:
    left = once("farebox_budget_remaining_usd", f'{OURS}, scope="key", window="day"')
    return [
        lines(
            "Left today, by key",
            """A straight fall is a batch job, steps are people. A line that reaches 0 hours
            before it jumps back has too small a budget or too eager a caller.""",
            over_time(left, "{{key}}"),
            unit=USD,
        ),
        lines(
            "Used today, by key",
            """Spent and held of the daily limit. Where a line crosses the upper mark its calls
            are refused until the reset.""",
            over_time(f'farebox:budget_used:ratio{{{OURS}, scope="key", window="day"}}', "{{key}}"),
            unit=RATIO,
            steps=FULLNESS,
        ),
    ]


def _refusals() -> list[Any]:
    return [
        lines(
            "Refusals by reason",
            """`budget_exceeded` is a spent budget; `price_unknown` a model without a price: add
            one. `invalid_key` in numbers is somebody guessing or an old deployment. `shadow`
            was let through: it would have been refused if the key were enforced.""",
            over_time(
                or_none(summed("reason", "farebox_refusals_total", OURS), "reason"), "{{reason}}"
            ),
            unit=COUNT,
            columns=True,
            stacked=True,
        ),
        bars(
            "Refusals by key, in the range shown",
            """Whose calls are turned away most. A client that goes on after `budget_exceeded`
            retries in vain: its error handling needs a look.""",
            at_once(
                or_none(
                    "sort_desc("
                    + summed("key, reason", "farebox_refusals_total", OURS, over="$__range")
                    + " > 0)",
                    "reason",
                ),
                "{{key}} {{reason}}",
            ),
            unit=COUNT,
        ),
    ]
