"""While a page of metrics is written and sent, others come in between."""

import asyncio
import gc
import sys

import pytest

from proxy.own import AT_ONCE, _some_at_a_time
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


@pytest.mark.parametrize("size", [AT_ONCE // 8, AT_ONCE, AT_ONCE * 2])
async def test_a_large_page_goes_out_some_pieces_at_a_time_with_others_in_between(
    size: int,
) -> None:
    page = [b"%03d" % number * (size // 3) for number in range(33)]
    left = list(page)
    sent: list[bytes] = []
    seen_by_another: list[int] = []

    async def another() -> None:
        while True:
            seen_by_another.append(len(sent))
            await asyncio.sleep(0)

    task = asyncio.create_task(another())
    async for part in _some_at_a_time(left):
        sent.append(part)
        assert len(left) <= len(page) - len(sent), "what was sent is let go of"
    task.cancel()
    assert b"".join(sent) == b"".join(page)
    assert all(AT_ONCE <= len(part) < AT_ONCE + size for part in sent[:-1])
    assert sorted(set(seen_by_another)) == list(range(1, len(sent) + 1))
