"""The outbox is tried on both databases, as the ledger is."""

from tests.ledger.conftest import clock, database, empty_ledger, ledger, make_url, url
from tests.postgres import postgres

__all__ = ["clock", "database", "empty_ledger", "ledger", "make_url", "postgres", "url"]
