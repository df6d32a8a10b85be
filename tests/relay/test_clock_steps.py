"""A host's clock that is set while Farebox runs is counted and told in the log, once."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.relay.house import Farebox
from tests.relay.stepped import FLAG
from tests.standin.server import Standin

COUNTED = "farebox_clock_steps_total 1.0"


class SteppedFarebox(Farebox):
    """A Farebox whose host's clock is set by a file."""

    program = "tests.relay.stepped"


@pytest.fixture
def farebox(upstream: Standin, tmp_path: Path) -> Iterator[Farebox]:
    started = SteppedFarebox(tmp_path, upstream.url)
    try:
        yield started.start()
    finally:
        started.close()


def test_a_clock_that_is_set_is_counted_once_and_told(farebox: Farebox) -> None:
    assert "farebox_clock_steps_total 0.0" in farebox.metrics()
    (farebox.home / FLAG).touch()
    farebox.until(lambda: COUNTED in farebox.metrics())
    told = farebox.log.read_text()
    assert told.count("the host's clock was set by +3600 s") == 1
    assert farebox.end() == 0
