"""The referee: the upstream's own bill against the ledger, call by call."""

import json
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import asdict, dataclass, field
from typing import Any

from proxy.ledger.schema import open_session, sqlite_path
from proxy.ledger.session import Session
from proxy.ledger.verify import verify
from tests.standin.bill import Line

OPEN = ("reserved", "accepted", "uncertain")


@dataclass
class Verdict:
    """What was promised and did not hold; money in micro-USD."""

    charges: int = 0
    states: dict[str, int] = field(default_factory=dict)
    billed_jobs: int = 0
    billed_micros: int = 0
    counted_micros: int = 0
    overshoot_micros: int = 0
    lost_jobs: int = 0
    lost_micros: int = 0
    settled_twice: int = 0
    charged_for_nothing: int = 0  # settled on the upstream's word, and it billed nothing
    doubtful: int = 0  # no outcome was ever seen; charged for good
    doubtful_unbilled: int = 0  # of these, what the upstream never billed
    undecided: int = 0
    differences: list[str] = field(default_factory=list)
    integrity: str = "ok"

    @property
    def faults(self) -> dict[str, Any]:
        """What turns a run red."""
        judged = (
            "overshoot_micros", "lost_jobs", "lost_micros", "settled_twice", "charged_for_nothing",
            "undecided", "differences",
        )  # fmt: skip
        found = {name: value for name, value in asdict(self).items() if name in judged and value}
        return found if self.integrity == "ok" else {**found, "integrity": self.integrity}


def judge(url: str, bill: Iterable[Line], limits: Mapping[str, int]) -> Verdict:
    """Compare; `limits` are micro-USD a day of every scope that has one."""
    session = open_session(url, read_only=True)
    try:
        found = _compared(session, list(bill), limits)
    finally:
        session.close()
    if (path := sqlite_path(url)) is not None:
        with closing(sqlite3.connect(path)) as database:
            found.integrity = database.execute("PRAGMA integrity_check").fetchone()[0]
    return found


def _compared(session: Session, bill: list[Line], limits: Mapping[str, int]) -> Verdict:
    rows = session.rows(
        "SELECT tags,state,ground,settled_micros,key_id,team,key_day,day FROM charges"
    )
    fares = {json.loads(row[0])["project"]: row[1:] for row in rows}
    verdict = Verdict(charges=len(rows), states=dict(Counter(row[1] for row in rows)))
    billed: defaultdict[tuple[str, str], int] = defaultdict(int)
    for line in bill:
        verdict.billed_jobs += 1
        verdict.billed_micros += line.micros
        state, _, settled, key_id, team, key_day, day = fares.get(line.job_id) or _nobody(line)
        if state == "released" or (state not in OPEN and settled < line.micros):
            verdict.lost_jobs += 1
            verdict.lost_micros += line.micros - settled
        billed[f"key:{key_id}", key_day] += line.micros
        billed[f"team:{team}", day] += line.micros
    _decided(verdict, fares, {line.job_id for line in bill})
    _over(verdict, session, billed, limits)
    verdict.settled_twice = len(
        session.rows(
            "SELECT charge_id FROM entries WHERE kind IN ('settle','release')"
            " GROUP BY charge_id HAVING count(*)>1"
        )
    )
    verdict.differences = [f"{d.where}: {d.what} {d.derived}/{d.found}" for d in verify(session)]
    return verdict


def _nobody(line: Line) -> tuple[Any, ...]:
    """A job that no charge stands for."""
    return "released", "", 0, "", "", "", ""


def _decided(verdict: Verdict, fares: Mapping[str, Any], billed: set[str]) -> None:
    for name, (state, ground, settled, *_) in fares.items():
        verdict.undecided += state in OPEN
        verdict.counted_micros += settled
        if state == "settled" and ground == "answer":
            verdict.charged_for_nothing += name not in billed
        elif state == "settled":
            verdict.doubtful += 1
            verdict.doubtful_unbilled += name not in billed


def _over(
    verdict: Verdict,
    session: Session,
    billed: Mapping[tuple[str, str], int],
    limits: Mapping[str, int],
) -> None:
    """How far the bill, or the balances, stand above a limit; over all scopes and days."""
    stands = dict(billed)
    for scope, period, micros in session.rows(
        "SELECT scope,period,settled_micros+reserved_micros FROM balances WHERE \"window\"='day'"
    ):
        stands[scope, period] = max(int(micros), stands.get((scope, period), 0))
    for (scope, _), micros in stands.items():
        verdict.overshoot_micros += max(0, micros - limits.get(scope, micros))
