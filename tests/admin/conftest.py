"""One stand-in upstream and one Farebox for all tests of a module."""

from collections.abc import Iterator

import httpx
import pytest

from tests.admin.serving import Served, serving
from tests.postgres import postgres
from tests.standin.server import Standin

__all__ = ["postgres"]  # a fixture


@pytest.fixture(scope="module")
def upstream() -> Iterator[Standin]:
    with Standin() as standin:
        yield standin


@pytest.fixture(scope="module")
def served(upstream: Standin, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("farebox"), upstream.url) as farebox:
        yield farebox


@pytest.fixture
def admin(served: Served) -> httpx.Client:
    return served.admin
