"""One timer for all calls: each ends when its own time is over, and not before."""

import asyncio
from dataclasses import dataclass, field

import pytest

from proxy.upstream.deadlines import Deadlines


@dataclass(eq=False)
class Call:
    deadlines: Deadlines
    span_s: float
    over: asyncio.Event = field(default_factory=asyncio.Event)

    def expire(self) -> None:
        self.over.set()


def begun(deadlines: Deadlines, *spans_s: float) -> list[Call]:
    calls = [Call(deadlines, span_s) for span_s in spans_s]
    for call in calls:
        deadlines.begin(call, call.span_s)
    return calls


@pytest.mark.parametrize("spans_s", [(0.02, 0.02), (60, 0.02), (0.02, 60), (0.04, 60, 0.02)])
async def test_a_call_ends_when_its_time_is_over_whoever_else_has_more(
    spans_s: tuple[float, ...],
) -> None:
    began_s = asyncio.get_running_loop().time()
    deadlines = Deadlines()
    calls = begun(deadlines, *spans_s)
    for call in calls:
        if call.span_s < 1:
            await call.over.wait()
            assert asyncio.get_running_loop().time() >= began_s + call.span_s
    assert [call.over.is_set() for call in calls] == [span_s < 1 for span_s in spans_s]
    deadlines.close()


async def test_a_call_that_is_over_in_time_is_left_alone() -> None:
    deadlines = Deadlines()
    done, late, later = begun(deadlines, 0.01, 0.01, 0.02)
    deadlines.end(done, done.span_s)
    deadlines.end(done, done.span_s)  # twice changes nothing
    deadlines.end(done, 5)  # nor does one that nobody began
    await late.over.wait()
    await later.over.wait()
    assert not done.over.is_set()
    (again,) = begun(deadlines, 0.01)  # nobody was left, and it is looked again
    await again.over.wait()


async def test_nobody_is_told_after_the_end() -> None:
    deadlines = Deadlines()
    (call,) = begun(deadlines, 0.001)
    deadlines.close()
    other = Deadlines()
    (later,) = begun(other, 0.01)
    await later.over.wait()
    assert not call.over.is_set()
