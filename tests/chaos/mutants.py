"""Mistakes that others made, planted on purpose: the harness must turn red for each."""

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from proxy.charge import Ground
from proxy.fares import Fares
from proxy.ledger import reserve as reserving
from proxy.ledger import rows
from proxy.ledger.fare import Fare
from proxy.ledger.operation import Receipt
from proxy.ledger.outcomes import Decide, Doubt
from proxy.ledger.reserve import Reserve
from proxy.ledger.session import Session
from proxy.ledger.view import View, days_of


def accounting_after_the_call() -> None:
    """Look whether there is room, call, and write the spend down when the answer came."""
    _decide_outside_the_lock()
    record = Fares.record
    waiting: dict[str, Reserve] = {}

    async def reserve(fares: Fares, operation: Reserve) -> Receipt:
        receipt = await _looked(fares, operation)
        waiting[operation.charge_id] = operation
        return receipt

    async def record_both(fares: Fares, operation: Any) -> Receipt | None:
        if (first := waiting.pop(operation.charge_id, None)) is not None:
            await fares.writer.do(first)
        return await record(fares, operation)

    Fares.reserve = reserve  # type: ignore[method-assign]
    Fares.record = record_both  # type: ignore[method-assign]


def check_then_act() -> None:
    """Read the balance, decide, and reserve a moment later without looking again."""
    _decide_outside_the_lock()
    act = Fares.reserve

    async def reserve(fares: Fares, operation: Reserve) -> Receipt:
        await _looked(fares, operation)
        return await act(fares, operation)

    Fares.reserve = reserve  # type: ignore[method-assign]


def refund_on_any_error() -> None:
    """Give the fare back whenever no outcome was seen, as if nothing had been sent."""
    record = Fares.record

    async def refund(fares: Fares, operation: Any) -> Receipt | None:
        if isinstance(operation, Doubt):
            operation = Decide(operation.charge_id, None, Ground.UNSENT, operation.reason)
        return await record(fares, operation)

    Fares.record = refund  # type: ignore[method-assign]


def settle_on_todays_row() -> None:
    """Move a decided charge's money on the running day, not on the day of its admission."""
    move = View.move

    def moved(view: View, fare: Fare, reserved: int, settled: int) -> None:
        if fare.id not in view.created:
            mine, theirs = days_of(view, view.directory.keys[fare.key_id])
            fare = replace(fare, key_day=mine, day=theirs)
        move(view, fare, reserved, settled)

    View.move = moved  # type: ignore[method-assign]


MUTANTS: dict[str, Callable[[], None]] = {
    "accounting after the call": accounting_after_the_call,
    "check-then-act": check_then_act,
    "refund on any error": refund_on_any_error,
    "settle on today's row": settle_on_todays_row,
}


def _decide_outside_the_lock() -> None:
    """Refuse on the reading thread only; the writer writes whatever it is given."""
    refusing = reserving.refusing

    def refusing_reader(*args: Any) -> Any:
        if threading.current_thread().name.startswith("ledger-reader"):
            return refusing(*args)
        return None

    reserving.refusing = refusing_reader  # type: ignore[assignment]


async def _looked(fares: Fares, operation: Reserve) -> Receipt:
    """Decide on balances as they stand, without a lock; nothing is written."""
    directory = fares.writer.directory

    def question(session: Session) -> Receipt:
        view = View(session.now_us(), directory)
        rows.load_standing(session, view, operation.payer(view))
        return operation.apply(view)

    return await fares.reader.ask(question)


def plant(name: str) -> None:
    """Plant one mistake; an empty name plants none."""
    if name:
        MUTANTS[name]()
