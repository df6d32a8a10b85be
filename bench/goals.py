"""What we hold Farebox to, row by row, and whether a run met it."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

HEAD = "| work | figure | measured (min to max) | goal | | try for |"
RULE = "|---|---|---|---|---|---|"


@dataclass(frozen=True)
class Goal:
    """A figure and its bounds: at most that much, or at least where `least` is set."""

    work: str
    figure: str
    bound: float | None = None
    further: float | None = None
    least: bool = False

    def reached(self, value: float, bound: float) -> bool:
        """Say whether a value keeps a bound."""
        return value >= bound if self.least else value <= bound

    def bounded(self, bound: float | None) -> str:
        """Spell a bound."""
        return "" if bound is None else f"{'>=' if self.least else '<='} {_figure(bound)}"


@dataclass(frozen=True)
class Finding:
    """What was measured of a goal: a value a round."""

    goal: Goal
    values: tuple[float, ...]

    @property
    def value(self) -> float:
        """Return the median."""
        return median(self.values)

    @property
    def met(self) -> bool | None:
        """Say whether the goal is met; None if there is nothing to meet."""
        return None if self.goal.bound is None else self.goal.reached(self.value, self.goal.bound)


POLL, SUBMIT = "poll, 32 connections", "submit, 32 connections"
ONE, CROWD, MANY = "one connection", "256 connections", "5,000 sync calls of 8 s"
LARGE, LEDGER, GROWTH = "20 MB answers, 8 at once", "ledger alone, 256 waiting", "3M charges"
WORKERS, SCRAPE = "two workers on two cores", "scrape, 1,000 keys"
TIMES_LESS = "times less CPU a call than %s"
OF_CPU = "CPU a call, %s = 1"

# By work and what it is compared with; issue 4 is the source of every bound.
GOALS = {
    "poll/caddy": Goal(POLL, OF_CPU % "Caddy", 1.5),
    "poll/envoy": Goal(POLL, OF_CPU % "Envoy", None, 1.0),
    "poll/bare starlette+httpx": Goal(POLL, TIMES_LESS % "bare starlette+httpx", 12, least=True),
    "poll/bare starlette+httpx+sniffio": Goal(
        POLL, TIMES_LESS % "bare starlette+httpx with sniffio", least=True
    ),
    "poll/litellm": Goal(POLL, TIMES_LESS % "LiteLLM's pass-through", 45, least=True),
    "poll/bare+client": Goal(
        POLL, "share of the calls/s of a bare pass-through, same client", 0.75, 0.9, least=True
    ),
    "submit/caddy": Goal(SUBMIT, OF_CPU % "Caddy", 2, 1),
    "submit/bare starlette+httpx": Goal(SUBMIT, TIMES_LESS % "bare starlette+httpx", 9, least=True),
    "submit/bare starlette+httpx+sniffio": Goal(
        SUBMIT, TIMES_LESS % "bare starlette+httpx with sniffio", least=True
    ),
    "submit/litellm": Goal(SUBMIT, TIMES_LESS % "LiteLLM's pass-through", 25, least=True),
    "submit/portkey": Goal(SUBMIT, TIMES_LESS % "Portkey", 7, least=True),
    "submit/tollgate": Goal(SUBMIT, TIMES_LESS % "tollgate-proxy", least=True),
    "submit/bare+client": Goal(
        SUBMIT, "share of the calls/s of a bare pass-through, same client", 0.75, 0.9, least=True
    ),
    "submit/most": Goal(SUBMIT, "the same: as many as one makes that only books them", least=True),
    "submit/booked+client": Goal(
        SUBMIT, "share of the calls/s of one that only books them, same client", least=True
    ),
    "latency/poll": Goal(ONE, "poll: added to the p50, ms", 0.7, 0.4),
    "latency/submit": Goal(ONE, "submit: added to the p50, ms", 1.5, 1.0),
    "latency/submit booked": Goal(ONE, "submit: added by one that only books them, ms"),
    "crowd/poll": Goal(CROWD, "poll: CPU a call, at 32 connections = 1", 1.3),
    "crowd/submit": Goal(CROWD, "submit: CPU a call, at 32 connections = 1", 1.3),
    "crowd/slowest poll": Goal(CROWD, "poll: slowest at half the rate it can do, ms", 1000),
    "crowd/slowest submit": Goal(CROWD, "submit: slowest at half the rate it can do, ms", 1000),
    "crowd/failed": Goal(CROWD, "calls not answered", 0),
    "many/failed": Goal(MANY, "calls not answered", 0),
    "many/slowest": Goal(MANY, "slowest, the direct run's = 1", 1.05),
    "many/memory": Goal(MANY, "memory a call, KB", 30, 20),
    "many/settled": Goal(MANY, "share of the fares that is settled", 1, least=True),
    "large/cpu": Goal(LARGE, "CPU a MB, nginx = 1", 1.2),
    "large/memory": Goal(LARGE, "memory above the start, MB", 16),
    "large/first": Goal(LARGE, "one alone: first byte, share of the answer's time", 0.5),
    "large/settled": Goal(LARGE, "share of the fares that is settled", 1, least=True),
    "ledger/sqlite/1": Goal(LEDGER, "SQLite, one hot key: fares/s", 15_000, 40_000, least=True),
    "ledger/sqlite/1000": Goal(LEDGER, "SQLite, 1,000 keys: fares/s", 15_000, 40_000, least=True),
    "ledger/sqlite/alone": Goal(LEDGER, "SQLite: times one commit a request", 10, least=True),
    "ledger/sqlite/statements": Goal(
        LEDGER, "SQLite, 1,000 keys: the same of the statements by themselves", least=True
    ),
    "ledger/postgresql/1": Goal(
        LEDGER, "PostgreSQL, one hot key: fares/s", 8_000, 20_000, least=True
    ),
    "ledger/postgresql/1000": Goal(
        LEDGER, "PostgreSQL, 1,000 keys: fares/s", 8_000, 20_000, least=True
    ),
    "ledger/postgresql/alone": Goal(LEDGER, "PostgreSQL: times one commit a request", least=True),
    "growth/reserve": Goal(GROWTH, "reserve, the empty ledger's = 1", 1.1),
    "growth/settle": Goal(GROWTH, "settle, the empty ledger's = 1", 1.1),
    "growth/budget": Goal(GROWTH, "where a key stands, ms", 5),
    "growth/ready": Goal(GROWTH, "ready after the start, s", 2.5),
    "scrape/during": Goal(SCRAPE, "polls' p99 during one, without one = 1", 1.1),
    "scrape/beside": Goal(SCRAPE, "polls' p99 in the 5 s around one, without one = 1", 1.1),
    "scrape/neighbour": Goal(
        SCRAPE, "polls' p99 while a neighbour takes as much CPU as a scrape, without = 1"
    ),
    "workers/poll": Goal(WORKERS, "polls a second, one worker's = 1", 1.7, least=True),
    "workers/submit": Goal(WORKERS, "submits a second, one worker's = 1", 1.7, least=True),
    "workers/poll a core": Goal(
        WORKERS, "polls a second, those of one on one core = 1", 1.7, least=True
    ),
    "workers/submit a core": Goal(
        WORKERS, "submits a second, those of one on one core = 1", 1.7, least=True
    ),
    "workers/most poll": Goal(WORKERS, "polls: as many as would fit, one worker's = 1", least=True),
    "workers/most submit": Goal(
        WORKERS, "submits: as many as would fit, one worker's = 1", least=True
    ),
    "workers/agree": Goal(WORKERS, "books that differ after it", 0),
}


def found(name: str, *values: float) -> Finding:
    """Note what was measured of a goal."""
    return Finding(GOALS[name], values)


def written(findings: Sequence[Finding]) -> str:
    """Write the table, a row a goal, and how many are met."""
    judged = [finding.met for finding in findings if finding.met is not None]
    rows = "\n".join(_row(finding) for finding in findings)
    return f"{HEAD}\n{RULE}\n{rows}\n\n{sum(judged)} of {len(judged)} goals met.\n"


def _row(finding: Finding) -> str:
    goal, value = finding.goal, finding.value
    spread = f"({_figure(min(finding.values))} to {_figure(max(finding.values))})"
    said = {True: "met", False: "**missed**", None: ""}[finding.met]
    further = goal.bounded(goal.further)
    if goal.further is not None and goal.reached(value, goal.further):
        further += ", reached"
    measured = _figure(value) + (f" {spread}" if len(finding.values) > 1 else "")
    return (
        f"| {goal.work} | {goal.figure} | {measured} | {goal.bounded(goal.bound)}"
        f" | {said} | {further} |"
    )


def _figure(value: float) -> str:
    """Write three digits that count, and large figures whole."""
    return f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.3g}"  # noqa: PLR2004
