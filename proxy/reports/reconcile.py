"""The ledger against the provider's bill: match, tell, and correct when told to.

Lines are matched with charges by prediction id, then by key, model, amount and time. What the
bill says of a charge is believed when it is applied: it is what has to be paid.
"""

import json
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from pricing import PriceBook, usd
from proxy.instants import instant, local
from proxy.ledger import versions
from proxy.ledger.registry import audit
from proxy.ledger.session import Session
from proxy.ledger.store import Store
from proxy.reports import statement
from proxy.reports.corrections import Bill
from proxy.reports.findings import Category, Finding, findings
from proxy.reports.layout import Layout
from proxy.reports.periods import Period
from proxy.reports.workbench import Workbench

PAGE_ROWS = 10_000
BATCH = 200
_OURS = """
SELECT id,prediction_id,account,key_name,team,model,resolution,task,price_version,unit_micros,
       list_unit_micros,CASE WHEN sold_images>0 THEN sold_images ELSE images END,
       CASE WHEN state IN ('reserved','accepted','uncertain') THEN reserved_micros
            ELSE settled_micros END,
       CASE WHEN state IN ('reserved','accepted','uncertain') THEN 1 ELSE 0 END,
       CASE WHEN price_status='unpriced' THEN 1 ELSE 0 END,admitted_us
FROM charges
"""
_MARGIN_US = 86_400_000_000


@dataclass(frozen=True, slots=True)
class Asked:
    """What is reconciled: a file, its layout, and the days that the bill is complete for."""

    path: Path
    layout: Layout = field(default_factory=Layout)
    name: str = ""
    first: date | None = None
    last: date | None = None
    zone: str = "UTC"
    account: str = ""


@dataclass(slots=True)
class Summary:
    """The outcome in figures; money in micro-USD, a difference is theirs less ours."""

    name: str
    sha256: str
    start_us: int = 0
    end_us: int = 0
    lines: int = 0
    ours_micros: int = 0
    theirs_micros: int = 0
    counts: dict[str, int] = field(default_factory=dict)
    difference_micros: int = 0
    left_micros: int = 0
    applied: int = 0
    by: str = ""
    why: str = ""

    @property
    def differs(self) -> bool:
        """Whether anything was found."""
        return any(n for name, n in self.counts.items() if name != Category.MATCHED.value)

    def facts(self) -> dict[str, Any]:
        """Print it as JSON has it."""
        return {
            "statement": self.name,
            "sha256": self.sha256,
            "from": instant(self.start_us).isoformat(),
            "to": instant(self.end_us).isoformat(),
            "lines": self.lines,
            "ours_usd": usd(self.ours_micros),
            "theirs_usd": usd(self.theirs_micros),
            "difference_usd": usd(self.difference_micros),
            **self.counts,
            "applied": self.applied,
            "difference_left_usd": usd(self.left_micros),
            "signed_off_by": self.by or None,
            "why": self.why or None,
        }


@dataclass(slots=True)
class Reconciliation:
    """The two sides, matched; findings can be listed as often as wanted."""

    bench: Workbench
    book: PriceBook
    summary: Summary
    complete_to_us: int

    def findings(self) -> Iterator[Finding]:
        """List every difference."""
        return findings(self.bench, self.book, complete_to_us=self.complete_to_us)


@contextmanager
def reconciled(session: Session, asked: Asked) -> Iterator[Reconciliation]:
    """Match a statement with the ledger; call it inside a snapshot.

    Raises:
        NoStatement: the file does not have the layout.
    """
    book = versions.book(session)
    with tempfile.TemporaryDirectory(prefix="farebox-") as folder, Workbench(Path(folder)) as bench:
        bench.lay_out_lines(statement.read(asked.path, asked.layout), _reader_of_models(book))
        start, end = _span(bench, asked, session)
        bench.lay_out_charges(_ours(session, asked, start, end))
        bench.index()
        bench.match_ids()
        for ids in bench.strangers():
            bench.lay_out_charges(_by_prediction(session, asked, ids))
        bench.match_ids()
        bench.match_accounts()
        bench.match_alike()
        _leave_others_out(bench, asked)
        complete_to = end if asked.last is not None else (bench.span() or (0, 0))[1]
        summary = Summary(asked.name or asked.path.name, statement.digest(asked.path), start, end)
        found = Reconciliation(bench, book, summary, complete_to)
        _sum_up(found)
        yield found


def _reader_of_models(book: PriceBook) -> Callable[[str], str]:
    """Read a statement's spelling of a model: an id or alias, a vendor or a task around it."""
    names = {name: model.id for table in book.versions for name, model in table.names.items()}

    def read(text: str) -> str:
        parts = text.split("/")
        return next((names[n] for n in (text, "/".join(parts[:2]), *parts) if n in names), text)

    return read


def _span(bench: Workbench, asked: Asked, session: Session) -> tuple[int, int]:
    """Find the time that is compared: the days asked for, or those that the lines lie on."""
    first, last = bench.span() or (session.now_us(), session.now_us())
    period = Period(
        asked.first or _day(first, asked.zone), asked.last or _day(last, asked.zone), asked.zone
    )
    return period.start_us, period.end_us


def _day(at_us: int, zone: str) -> date:
    return local(at_us, zone).date()


def _ours(session: Session, asked: Asked, start: int, end: int) -> Iterator[tuple[Any, ...]]:
    """Stream the charges of a time, and a day around it for bills that come late."""
    where = "WHERE id>? AND admitted_us>=? AND admitted_us<?"
    where += " AND account=?" if asked.account else " AND account>=?"
    after = ""
    while True:
        args = (after, start - _MARGIN_US, end + _MARGIN_US, asked.account)
        found = session.rows(f"{_OURS} {where} ORDER BY id LIMIT {PAGE_ROWS}", args)
        yield from ((*row, int(start <= row[-1] < end)) for row in found)
        if len(found) < PAGE_ROWS:
            return
        after = found[-1][0]


def _by_prediction(session: Session, asked: Asked, ids: list[str]) -> Iterator[tuple[Any, ...]]:
    marks = ",".join("?" * len(ids))
    for row in session.rows(f"{_OURS} WHERE prediction_id IN ({marks})", ids):
        if asked.account in ("", row[2]):
            yield (*row, 0)


def _leave_others_out(bench: Workbench, asked: Asked) -> None:
    """Of several upstream accounts, miss only the charges of those that the bill is about."""
    if asked.account:
        return
    bench.sql.execute(
        "UPDATE ours SET inside=0 WHERE EXISTS (SELECT 1 FROM lines WHERE charge IS NOT NULL)"
        " AND account NOT IN (SELECT account FROM ours WHERE billed=1)"
    )


def _sum_up(found: Reconciliation) -> None:
    bench, summary = found.bench, found.summary
    lines, theirs = bench.one("SELECT count(*),coalesce(sum(micros),0) FROM lines")
    (ours,) = bench.one(
        "SELECT coalesce(sum(micros),0) FROM ours WHERE open=0 AND (inside=1 OR billed=1)"
    )
    counts = dict.fromkeys((each.value for each in Category), 0)
    for each in found.findings():
        counts[each.category.value] += 1
        summary.difference_micros += each.theirs_micros - each.counted_micros
    (billed,) = bench.one("SELECT count(*) FROM ours WHERE billed=1")
    counts[Category.MATCHED.value] = (
        billed - counts[Category.AMOUNT.value] - counts[Category.DECIDED.value]
    )
    summary.lines, summary.theirs_micros, summary.ours_micros = lines, theirs, ours
    summary.counts, summary.left_micros = counts, summary.difference_micros


def apply(store: Store, found: Reconciliation, *, actor: str, why: str) -> None:
    """Write what the bill says into the ledger, once; the intent is on the record before.

    Raises:
        LedgerFault: the rest is not known to be written; applying again finishes it.
    """
    summary = found.summary
    summary.by, summary.why = actor, why
    facts = json.dumps(summary.facts())
    store.transact(lambda s: audit(s, actor, "reconcile.apply", summary.name, "", facts, why))
    batch: list[Finding] = []
    for each in found.findings():
        if each.can_apply:
            batch.append(each)
        if len(batch) == BATCH:
            _write(store, batch, summary)
            batch = []
    _write(store, batch, summary)


def _write(store: Store, batch: list[Finding], summary: Summary) -> None:
    if not batch:
        return
    for each, result in zip(batch, store.commit([bill(f, summary) for f in batch]), strict=True):
        if isinstance(result, Exception):
            raise result
        summary.applied += 1
        summary.left_micros -= each.theirs_micros - each.counted_micros


def bill(found: Finding, summary: Summary) -> Bill:
    """Make the operation that puts a charge at what was billed."""
    line = f" line {found.line}" if found.line else ""
    why = f"{summary.why} [{summary.name}{line}, sha256 {summary.sha256[:12]}]"
    named = found.prediction_id or None
    return Bill(found.charge_id, found.theirs_micros, summary.by, why, found.account, named)


def record(store: Store, summary: Summary, *, actor: str) -> None:
    """Keep the outcome: the difference for the metrics, the summary for the auditors."""

    def change(store: Store) -> None:
        store.session.run(
            "INSERT INTO tallies(name,label,value) VALUES('reconciliation','difference',?)"
            " ON CONFLICT(name,label) DO UPDATE SET value=excluded.value",
            (summary.left_micros,),
        )
        audit(store, actor, "reconcile", summary.name, "", json.dumps(summary.facts()), summary.why)

    store.transact(change)


def past(session: Session, limit: int = 100) -> list[dict[str, Any]]:
    """List the summaries of the last reconciliations, the newest first."""
    found = session.rows(
        "SELECT id,at_us,actor,after FROM audit WHERE action='reconcile' ORDER BY id DESC LIMIT ?",
        (limit,),
    )
    return [
        {"id": number, "at": instant(at_us).isoformat(), "actor": actor, **json.loads(after)}
        for number, at_us, actor, after in found
    ]
