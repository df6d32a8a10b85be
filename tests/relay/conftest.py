"""A stand-in upstream and a Farebox before it, one pair a module."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

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


@pytest.fixture(scope="module")
def start(
    upstream: Standin, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., Farebox]]:
    """Start a Farebox with other settings; the same settings get the same one."""
    started: dict[frozenset[tuple[str, str]], Farebox] = {}
    with ExitStack() as stack:

        def get(**settings: str) -> Farebox:
            wanted = frozenset(settings.items())
            if wanted not in started:
                home: Path = tmp_path_factory.mktemp("farebox")
                started[wanted] = stack.enter_context(running(home, upstream.url, **settings))
            return started[wanted]

        yield get


@pytest.fixture(scope="module")
def rich(farebox: Farebox) -> str:
    """A key that may spend what it likes."""
    return farebox.key("rich", daily_micros=-1)
