"""`/admin/spend`, `/admin/exports/focus`, `/admin/reconciliations`: what finance asks.

Reports read on a connection of their own and a month's file is written to disk first, so that
no call waits for them and none is held in memory.
"""

import asyncio
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Final

from starlette.background import BackgroundTask
from starlette.responses import FileResponse, Response

from pricing import NoTable, PriceBook, usd
from proxy.admin import cursors
from proxy.admin.asked import Nothing
from proxy.admin.context import AdminContext
from proxy.admin.endpoint import Asking, Endpoint, Reply
from proxy.admin.finance_asked import (
    FocusAsked,
    PeriodAsked,
    SpendAsked,
    StatementAsked,
    SwapAsked,
)
from proxy.admin.finance_shown import (
    AdviceList,
    AdviceShown,
    FiguresShown,
    FindingShown,
    ForecastList,
    ForecastShown,
    InsteadShown,
    PastList,
    PastShown,
    ReconciliationShown,
    SpendShown,
    SummaryShown,
    SumShown,
    WhatIfShown,
)
from proxy.admin.refusals import Conflict
from proxy.errors import BadRequest, NotFound
from proxy.ledger import versions
from proxy.ledger.schema import open_session
from proxy.ledger.session import Session
from proxy.ledger.store import Store
from proxy.reports import advise, exports, reconcile, spend, whatif
from proxy.reports.capabilities import bundled
from proxy.reports.exports import Month, MonthDiffers
from proxy.reports.forecast import forecast
from proxy.reports.layout import Layout, MappingError, read_mapping
from proxy.reports.periods import Period
from proxy.reports.sheets import NoParquet
from proxy.reports.spend import Held, Question, figures, groupings
from proxy.reports.statement import NoStatement

CSV: Final = "text/csv"
PARQUET: Final = "application/vnd.apache.parquet"
FINDINGS_MAX: Final = 10_000


@dataclass(frozen=True, slots=True)
class FileReply(Reply):
    """An answer that lies on disk, and goes from there when it was sent."""

    path: Path = Path()

    def response(self) -> Response:
        """Send the file."""
        return FileResponse(
            self.path,
            media_type=self.media_type,
            headers={"cache-control": "no-store", **(self.headers or {})},
            background=BackgroundTask(self.path.unlink, missing_ok=True),
        )


@dataclass(frozen=True, slots=True)
class Finance:
    """The operations on spend, exports and statements."""

    context: AdminContext

    def endpoints(self) -> list[Endpoint]:
        """List them."""
        get, post = "GET", "POST"
        return [
            Endpoint(get, "/admin/spend", "Report spend", self.spend, SpendShown, SpendAsked),
            Endpoint(
                get, "/admin/exports/focus", "Export a month as FOCUS 1.2", self.focus,
                (CSV, PARQUET), FocusAsked, refuses=(409,),
            ),
            Endpoint(
                get, "/admin/reconciliations", "List reconciliations, newest first", self.past,
                PastList,
            ),
            Endpoint(
                post, "/admin/reconciliations", "Compare a statement with the ledger",
                self.reconcile, ReconciliationShown, body=StatementAsked,
            ),
            Endpoint(
                get, "/admin/spend/forecast", "Forecast the running day and month", self.forecast,
                ForecastList,
            ),
            Endpoint(
                get, "/admin/spend/whatif", "Price calls at another version or model", self.whatif,
                WhatIfShown, SwapAsked, refuses=(404,),
            ),
            Endpoint(
                get, "/admin/spend/advice", "Say what would have saved money", self.advice,
                AdviceList, PeriodAsked,
            ),
        ]  # fmt: skip

    async def spend(self, asking: Asking[SpendAsked, Nothing]) -> Reply:
        """Report spend, a page at a time."""
        asked = asking.query

        def question(session: Session) -> SpendShown:
            with session.snapshot():
                wanted = Question(groupings(asked.by), _period(session, asked))
                spend.refuse_strange_tags(session, wanted.by, self.context.settings.tags)
                after = _after(asked.cursor, wanted)
                rows = spend.page(session, wanted, after=after, limit=asked.limit + 1)
                held = spend.held(session, wanted.period)
                return _spend_shown(session, wanted, rows, asked.limit, held)

        return Reply(await self._study(question))

    async def focus(self, asking: Asking[FocusAsked, Nothing]) -> Reply:
        """Write a month to disk, close it if it is over, send it."""
        asked = asking.query
        write = exports.write_csv if asked.format == "csv" else exports.write_parquet
        with tempfile.NamedTemporaryFile(prefix="farebox-", delete=False) as file:
            path = Path(file.name)

        def question(session: Session) -> tuple[Month, str]:
            with session.snapshot():
                wanted = exports.find(session, asked.month, asked.grain)
                return wanted, write(session, wanted, path)

        try:
            wanted, digest = await self._study(question)
            exports.check(wanted, digest)
            await self.context.change(exports.close(wanted, digest, actor=asking.actor))
        except BaseException as error:
            await asyncio.to_thread(path.unlink, missing_ok=True)
            if isinstance(error, MonthDiffers):
                raise Conflict(f"{error}.") from error
            raise
        name = f"focus-{asked.month}-{asked.grain}.{asked.format}"
        headers = {"content-disposition": f'attachment; filename="{name}"'}
        kind = CSV if asked.format == "csv" else PARQUET
        return FileReply(b"", media_type=kind, headers=headers, path=path)

    async def past(self, _asking: Asking[Nothing, Nothing]) -> Reply:
        """List the summaries of reconciliations."""
        found = await self.context.ask(reconcile.past)
        return Reply(PastList(data=[PastShown(**each) for each in found]))

    async def reconcile(self, asking: Asking[Nothing, StatementAsked]) -> Reply:
        """Match a statement, correct if told to, keep the summary."""
        asked = asking.body
        if asked.apply and not asked.why.strip():
            raise BadRequest("'why': it is needed to apply.", {"member": "why"})
        url = self.context.settings.database_url

        def question(session: Session) -> ReconciliationShown:
            with tempfile.TemporaryDirectory(prefix="farebox-") as folder:
                path = Path(folder) / "statement.csv"
                path.write_text(asked.csv, encoding="utf-8")
                wanted = reconcile.Asked(
                    path, _layout(asked.mapping), asked.name, asked.from_, asked.to,
                    spend.installed_zone(session), asked.account,
                )  # fmt: skip
                with session.snapshot(), reconcile.reconciled(session, wanted) as found:
                    return _finished(found, asked, asking.actor, url)

        return Reply(await self._study(question))

    async def forecast(self, _asking: Asking[Nothing, Nothing]) -> Reply:
        """Forecast the running day and month of every key and team."""

        def question(session: Session) -> ForecastList:
            found = forecast(session, spend.installed_zone(session))
            return ForecastList(data=[ForecastShown(**each.facts()) for each in found])

        return Reply(await self._study(question))

    async def whatif(self, asking: Asking[SwapAsked, Nothing]) -> Reply:
        """Price the calls of a period at another version, or with another model."""
        asked = asking.query

        def question(session: Session) -> WhatIfShown:
            period, book = _period(session, asked), versions.book(session)
            calls = whatif.made(session, period)
            if asked.table is not None:
                found = list(whatif.at_version(calls, book.version(asked.table), book))
            else:
                model, to = _swapped(asked.swap or "", book)
                found = list(whatif.with_model(calls, model, to, book, bundled()[0]))
            total = SumShown(**whatif.summed(found, period).facts())
            shown = [InsteadShown(**each.facts()) for each in whatif.folded(found)]
            return WhatIfShown(total=total, data=shown)

        if (asked.table is None) == (asked.swap is None):
            raise BadRequest("Either 'table' or 'swap'.")
        return Reply(await self._study(question))

    async def advice(self, asking: Asking[PeriodAsked, Nothing]) -> Reply:
        """Say what would have saved money."""

        def question(session: Session) -> AdviceList:
            found = advise.advise(session, _period(session, asking.query))
            return AdviceList(data=[AdviceShown(**each.facts()) for each in found])

        return Reply(await self._study(question))

    async def _study(self, question: Callable[[Session], Any]) -> Any:
        try:
            return await self.context.study(question)
        except NoTable as error:
            raise NotFound(f"{str(error)[:1].upper()}{str(error)[1:]}.") from error
        except (NoStatement, MappingError, NoParquet, ValueError) as error:
            raise BadRequest(f"{str(error)[:1].upper()}{str(error)[1:]}.") from error


def _period(session: Session, asked: PeriodAsked) -> Period:
    zone = asked.timezone or spend.installed_zone(session)
    return spend.whole_period(session, zone, asked.from_, asked.to)


def _swapped(text: str, book: PriceBook) -> tuple[str, str]:
    try:
        return whatif.swapped(text, book)
    except whatif.BadSwap as error:
        raise BadRequest(f"'swap': {error}.", {"member": "swap"}) from error


def _after(cursor: str | None, wanted: Question) -> tuple[Any, ...]:
    """Read where the last page ended: the groupings of its last row."""
    if cursor is None:
        return ()
    return cursors.read(cursor, [int if name == "day" else str for name in wanted.by])


def _spend_shown(
    session: Session, wanted: Question, rows: list[tuple[Any, ...]], limit: int, held: Held
) -> SpendShown:
    page, more = rows[:limit], len(rows) > limit
    cells: list[tuple[str | int, ...]] = [
        (*spend.labels(wanted, row), *figures(row).cells()) for row in page
    ]
    total: dict[str, Any] = dict(
        zip(spend.FIGURES, spend.total(session, wanted.period).cells(), strict=True)
    )
    return SpendShown(
        by=list(wanted.by),
        first_day=wanted.period.first,
        last_day=wanted.period.last,
        timezone=wanted.period.zone,
        data=[dict(zip(wanted.columns, each, strict=True)) for each in cells],
        total=FiguresShown(**total),
        held_usd=usd(held.micros),
        held_charges=held.charges,
        unpriced_calls=spend.unpriced_calls(session, wanted.period),
        next_cursor=cursors.written(page[-1][: len(wanted.by)]) if more else None,
    )


def _layout(mapping: str | None) -> Layout:
    return Layout() if mapping is None else read_mapping(mapping)


def _finished(
    found: reconcile.Reconciliation, asked: StatementAsked, actor: str, url: str
) -> ReconciliationShown:
    """Write what was found on a connection of its own: it may be thousands of corrections."""
    store = Store(open_session(url))
    try:
        store.transact(lambda opened: opened.directory)
        if asked.apply:
            reconcile.apply(store, found, actor=actor, why=asked.why)
        reconcile.record(store, found.summary, actor=actor)
    finally:
        store.session.close()
    kept = islice(found.findings(), FINDINGS_MAX)
    return ReconciliationShown(
        summary=SummaryShown(**found.summary.facts()),
        findings=[FindingShown(**each.facts()) for each in kept],
    )
