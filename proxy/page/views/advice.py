"""Savings advice: what the last days' calls would have cost otherwise, and what brought nothing."""

from datetime import timedelta

from starlette.responses import Response

from proxy.clock import now_us
from proxy.instants import local
from proxy.ledger.session import Session
from proxy.page.gate import View
from proxy.page.render import render
from proxy.page.visit import Visit
from proxy.reports.advise import Advice, Waste, advise, waste
from proxy.reports.periods import Period

DAYS = 30


def _found(session: Session, period: Period) -> tuple[list[Advice], list[Waste]]:
    worth = [a for a in advise(session, period) if a.sum.saved_micros > 0 or a.sum.asked_micros > 0]
    return worth, waste(session, period)


async def advice(visit: Visit) -> Response:
    """Show it for the last month."""
    today = local(now_us(), visit.desk.zone).date()
    period = Period(today - timedelta(days=DAYS - 1), today, visit.desk.zone)
    found, wasted = await visit.desk.reader.ask(lambda session: _found(session, period))
    return render(visit, "advice.html", advice=found, waste=wasted, period=period)


VIEWS = (View("GET", "/advice", "admin", advice),)
