"""A stand-in upstream and a Farebox before it, one pair a module."""

from collections.abc import Iterator

import pytest

from tests.relay.house import Farebox, running
from tests.standin.server import Standin


@pytest.fixture(scope="module")
def upstream() -> Iterator[Standin]:
    with Standin() as standin:
        yield standin
    assert not standin.mistakes, standin.mistakes


@pytest.fixture(scope="module")
def farebox(upstream: Standin, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Farebox]:
    with running(tmp_path_factory.mktemp("farebox"), upstream.url) as started:
        yield started
