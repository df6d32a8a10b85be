"""While a page of metrics is written Python is set for others; afterwards as it was."""

import gc
import sys

import pytest

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
