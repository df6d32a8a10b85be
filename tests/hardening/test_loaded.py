"""What a serving process does not load: each of these costs memory in every worker."""

import subprocess
import sys

import pytest

from tests.relay.house import ROOT

LOADED = "import sys, proxy.__main__, proxy.app; print(*sys.modules)"


@pytest.fixture(scope="module")
def loaded() -> set[str]:
    told = subprocess.run([sys.executable, "-c", LOADED], cwd=ROOT, capture_output=True, check=True)
    return set(told.stdout.decode().split())


@pytest.mark.parametrize("module", ["alembic", "psycopg", "pyarrow", "sqlalchemy", "sqlmodel"])
def test_what_only_a_migration_or_postgresql_needs_is_not_loaded(
    module: str, loaded: set[str]
) -> None:
    assert "proxy.notify.outbox" in loaded
    assert module not in loaded
