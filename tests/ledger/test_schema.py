"""Migrations: killed anywhere, run by two at once, older and newer than the program."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine, inspect
from sqlmodel import SQLModel

import proxy.ledger.models
import proxy.notify.models
import proxy.reports.models  # noqa: F401 - all three for their tables
from proxy.ledger import schema
from proxy.ledger.schema import HEAD, migrate, open_session, sqlalchemy_url
from proxy.ledger.session import LedgerFault
from tests.ledger.world import Ledger
from tests.postgres import Postgres

ROOT = Path(__file__).parents[2]


@pytest.fixture
def bare(database: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a database without tables."""
    if database == "sqlite":
        yield f"sqlite:///{tmp_path}/bare.db"
        return
    server: Postgres = request.getfixturevalue("postgres")
    url = server.create()
    yield url
    server.drop(url)


def migrating(url: str, *die_at: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.ledger.migrating", url, *map(str, die_at)], cwd=ROOT
    )


def shape(url: str) -> list[tuple[str, ...]]:
    """List every table and column."""
    session = open_session(url)
    asked = "SELECT name,sql FROM sqlite_master ORDER BY 1"
    if session.dialect == "postgresql":
        asked = (
            "SELECT table_name,column_name,data_type FROM information_schema.columns"
            " WHERE table_schema='public' ORDER BY 1,2"
        )
    found = [tuple(row) for row in session.rows(asked)]
    session.close()
    return found


@pytest.mark.parametrize("statement", [2, 12, 25])
def test_a_migration_killed_anywhere_is_run_again(bare: str, url: str, statement: int) -> None:
    assert migrating(bare, statement).wait(60) == -9
    migrate(bare)
    assert shape(bare) == shape(url)
    ledger = Ledger(bare)
    ledger.reserve(ledger.key())
    ledger.close()


def test_two_that_migrate_at_once_end_up_with_one_schema(bare: str, url: str) -> None:
    both = [migrating(bare), migrating(bare)]
    assert [process.wait(60) for process in both] == [0, 0]
    assert shape(bare) == shape(url)


def columns_and_indexes(url: str) -> tuple[set[Any], dict[str, str]]:
    """Return every column with its table, kind and whether it may be empty; indexes as written."""
    engine = create_engine(sqlalchemy_url(url))
    columns = {
        (table, column["name"], str(column["type"]), column["nullable"])
        for table in inspect(engine).get_table_names()
        for column in inspect(engine).get_columns(table)
        if table != "alembic_version"
    }
    engine.dispose()
    session = open_session(url)
    asked = "SELECT name,sql FROM sqlite_master WHERE type='index' AND sql IS NOT NULL"
    if session.dialect == "postgresql":
        asked = (
            "SELECT indexname,indexdef FROM pg_indexes"
            " WHERE schemaname='public' AND tablename<>'alembic_version'"
        )
    indexes = {str(name): str(sql) for name, sql in session.rows(asked)}
    session.close()
    return columns, indexes


def test_the_models_are_what_the_migrations_make(bare: str, url: str) -> None:
    engine = create_engine(sqlalchemy_url(bare))
    SQLModel.metadata.create_all(engine)
    engine.dispose()
    assert columns_and_indexes(bare) == columns_and_indexes(url)


def test_migrating_again_changes_nothing(url: str) -> None:
    before = shape(url)
    migrate(url)
    assert shape(url) == before


def test_a_role_that_may_not_make_tables_is_told_so(postgres: Postgres) -> None:
    url = postgres.create()
    weak = f"{url}{'&' if '?' in url else '?'}options=-crole%3Dpg_read_all_data"
    with pytest.raises(LedgerFault, match=r"cannot be migrated: permission denied for schema"):
        migrate(weak)
    postgres.drop(url)


def version(url: str, *, become: str | None = None) -> str:
    session = open_session(url)
    if become is not None:
        session.run("UPDATE alembic_version SET version_num=?", (become,))
    found = str(session.rows("SELECT version_num FROM alembic_version")[0][0])
    session.close()
    return found


def test_a_newer_schema_is_left_alone_and_still_works(url: str) -> None:
    version(url, become="9000")
    migrate(url)
    assert version(url) == "9000"
    ledger = Ledger(url)
    ledger.settle(ledger.reserve(ledger.key()))
    ledger.close()


def test_an_older_schema_is_brought_up_to_date_and_keeps_its_rows(
    url: str, make_url: Callable[[str], str], database: str
) -> None:
    ledger = Ledger(url)
    fare = ledger.reserve(ledger.key())
    ledger.close()
    engine = create_engine(sqlalchemy_url(url))
    config = Config()
    config.set_main_option("script_location", str(Path(schema.__file__).parent / "migrations"))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        for change in NEWER:
            connection.exec_driver_sql(change)
        command.stamp(config, "0001")
    engine.dispose()
    assert version(url) == "0001"
    migrate(url)
    assert version(url) == HEAD
    assert dict.fromkeys(shape(url)) == dict.fromkeys(shape(make_url(database)))
    ledger = Ledger(url)
    ledger.settle(fare)
    ledger.close()


NEWER = (  # takes back what came after the first tables
    "DROP TABLE focus_months",
    "DROP TABLE notices",
    "DROP TABLE seals",
    "DROP INDEX entries_at",
    "DROP INDEX audit_at",
    "ALTER TABLE charges DROP COLUMN refs",
    "ALTER TABLE charges DROP COLUMN aspect",
)
