"""A mistake of ours in the ledger costs the call that met it nothing, and no other call at all."""

import asyncio
import logging
from dataclasses import dataclass

import pytest

from proxy.ledger.operation import Receipt
from proxy.ledger.outcomes import Accept
from proxy.ledger.session import LedgerFault
from proxy.ledger.view import View
from tests.reconciler.node import Node


class Blind(Accept):
    """An acceptance that does not ask who has its id: the database refuses it, every time."""

    def prediction(self) -> tuple[str, str]:
        return self.account, "nobody's"


@dataclass(slots=True)
class Mistaken(Accept):
    """An acceptance that cannot be worked out; at first the ledger may be down as well."""

    downs: int = 0

    def apply(self, view: View) -> Receipt:
        if self.downs:
            self.downs -= 1
            raise LedgerFault("down", kind="busy")
        raise ZeroDivisionError(f"at {view.now_us}")


async def test_the_answer_goes_on_and_the_log_says_what_is_wrong(
    here: Node, caplog: pytest.LogCaptureFixture
) -> None:
    fare = await here.buy(await here.key(), "never")
    with caplog.at_level(logging.ERROR, "farebox"):
        assert await here.fares.record(Mistaken(fare.id, fare.account, "p1")) is None
    assert fare.id in caplog.text
    assert "ZeroDivisionError" in caplog.text


async def test_what_waits_behind_it_is_written(
    here: Node, caplog: pytest.LogCaptureFixture
) -> None:
    key = await here.key()
    first, second = await here.reserve(key), await here.reserve(key)
    assert await here.fares.record(Mistaken(first.id, first.account, "p1", downs=1)) is None
    assert await here.fares.record(Accept(second.id, second.account, "p2")) is None
    async with asyncio.timeout(10):
        await here.fares.flush(within_s=10)
    found = await here.fares.find("p2", key)
    assert found is not None
    assert (found.id, found.state) == (second.id, "accepted")
    assert f"{first.id}: not written" in caplog.text


async def test_what_the_database_refuses_again_is_said_and_given_up(
    here: Node, caplog: pytest.LogCaptureFixture
) -> None:
    key = await here.key()
    first, second, third = [await here.reserve(key) for _ in range(3)]
    assert await here.fares.record(Accept(first.id, first.account, "p1"))
    faults: list[str] = []
    here.fares.on_fault = faults.append
    assert await here.fares.record(Blind(second.id, second.account, "p1")) is None
    await here.fares.flush(within_s=10)
    assert f"{second.id}: not written" in caplog.text
    assert faults == ["conflict", "conflict"]
    assert await here.fares.record(Accept(third.id, third.account, "p3")), "nobody waits behind it"
    assert (await here.now(second)).state == "reserved"
