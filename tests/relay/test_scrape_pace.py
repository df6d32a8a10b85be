"""While a page of metrics is written and sent, others come in between."""

import asyncio
import gc
import sys

import pytest

from proxy.own import PIECES_AT_ONCE, _some_at_a_time
from proxy.scrape import Pace


@pytest.mark.parametrize("fails", [False, True])
def test_python_is_set_back_whatever_happens(*, fails: bool) -> None:
    before = sys.getswitchinterval(), gc.isenabled()

    def write() -> None:
        with Pace() as pause:
            assert sys.getswitchinterval() == pytest.approx(Pace.TURN_S)
            assert not gc.isenabled()
            pause()
            if fails:
                raise LookupError

    if fails:
        with pytest.raises(LookupError):
            write()
    else:
        write()
    assert (sys.getswitchinterval(), gc.isenabled()) == before


async def test_a_large_page_goes_out_some_pieces_at_a_time_with_others_in_between() -> None:
    page = [b"%d\n" % number for number in range(100, 200)]
    sent: list[bytes] = []
    seen_by_another: list[int] = []

    async def another() -> None:
        while True:
            seen_by_another.append(len(sent))
            await asyncio.sleep(0)

    task = asyncio.create_task(another())
    async for part in _some_at_a_time(page):
        sent.append(part)  # noqa: PERF401 - the other one looks on
    task.cancel()
    assert b"".join(sent) == b"".join(page)
    assert {len(part) for part in sent[:-1]} == {PIECES_AT_ONCE * len(page[0])}
    assert sorted(set(seen_by_another)) == list(range(1, len(sent) + 1))
