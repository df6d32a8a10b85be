"""Growth: what every statement of the hot path reads does not depend on how much there is."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest

from proxy.admin.search import Charges, named
from proxy.charge import Ground
from proxy.ledger import leases
from proxy.ledger.fare import Kept
from proxy.ledger.reader import bought, revision, where_stands
from proxy.ledger.seal import next_seal
from proxy.ledger.session import Row, Session
from proxy.page.listing import Filter, charges
from tests.ledger.world import Ledger

GROWING = {"charges", "entries", "balances", "spend", "totals", "tallies", "replays", "audit"}
BOUNDED = "charges_open"  # an index of what is undecided only


class Recorded:
    """Every statement that a session is given, with its arguments, each once."""

    def __init__(self, session: Session, patch: pytest.MonkeyPatch) -> None:
        self.session, self.ask = session, session.rows
        self.said: dict[str, Sequence[Any]] = {}
        run, many = session.run, session.many

        def rows(sql: str, args: Sequence[Any] = ()) -> list[Any]:
            self.said.setdefault(sql, args)
            return self.ask(sql, args)

        def running(sql: str, args: Sequence[Any] = ()) -> int:
            self.said.setdefault(sql, args)
            return run(sql, args)

        def several(sql: str, given: Sequence[Row]) -> None:
            self.said.setdefault(sql, given[0])
            many(sql, given)

        for name, recording in (("rows", rows), ("run", running), ("many", several)):
            patch.setattr(session, name, recording)

    def scanned(self) -> dict[str, list[str]]:
        """Tables that a statement reads from end to end, by statement."""
        look = self._by_sqlite if self.session.dialect == "sqlite" else self._by_postgresql
        found = {sql: look(sql, args) for sql, args in tuple(self.said.items()) if _explains(sql)}
        return {sql: tables for sql, tables in found.items() if tables}

    def _by_sqlite(self, sql: str, args: Sequence[Any]) -> list[str]:
        plan = [row[3] for row in self.ask(f"EXPLAIN QUERY PLAN {sql}", args)]
        scans = [line.split() for line in plan if line.startswith("SCAN ")]
        return [words[1] for words in scans if words[1] in GROWING and BOUNDED not in words]

    def _by_postgresql(self, sql: str, args: Sequence[Any]) -> list[str]:
        with self.session.transaction():
            # An empty table is read whole if it may be; what is left then has no other way.
            self.session.run("SET LOCAL enable_seqscan=off")
            plan = self.ask(f"EXPLAIN (FORMAT JSON) {sql}", args)[0][0]
        nodes = list(_nodes((json.loads(plan) if isinstance(plan, str) else plan)[0]["Plan"]))
        return [n["Relation Name"] for n in nodes if n["Node Type"] == "Seq Scan" and _grows(n)]


def _explains(sql: str) -> bool:
    return sql.partition(" ")[0] in {"SELECT", "INSERT", "UPDATE", "DELETE"}


def _grows(node: dict[str, Any]) -> bool:
    return node["Relation Name"] in GROWING


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for below in plan.get("Plans", ()):
        yield from _nodes(below)


@pytest.fixture
def recorded(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> Recorded:
    return Recorded(ledger.session, monkeypatch)


def _lives(ledger: Ledger) -> None:
    """Take fares through everything that can become of them."""
    key = ledger.key(team="design", daily_micros=10_000)
    kept = Kept(key.id, "once", "hash", charge_id="")
    fare = ledger.reserve(key, once=kept)
    ledger.accept(fare, answer=(200, "[]", b"{}"))
    ledger.settle(fare, outputs=3)  # an overrun
    ledger.release(ledger.reserve(key, once=replace(kept, idempotency_key="twice")))
    doubted = ledger.reserve(key)
    ledger.doubt(doubted, "pred-late")
    ledger.settle(doubted, ground=Ground.ASSUMED)
    ledger.release(doubted)  # a correction
    ledger.purge(ledger.reserve(key, provisional=True))


def test_no_operation_reads_a_table_that_grows_from_end_to_end(
    ledger: Ledger, recorded: Recorded
) -> None:
    _lives(ledger)

    assert {"charges", "entries", "balances", "spend", "replays"} <= _named(recorded)
    assert recorded.scanned() == {}


@pytest.mark.parametrize(
    "question",
    [
        lambda ledger, key: where_stands(ledger.store.directory, key),
        lambda _, key: bought("pred-1", key_id=key.id),
        lambda _, __: revision,
        lambda _, __: leases.due,
        lambda _, __: leases.in_use,
        lambda _, __: leases.leaseholders,
        lambda _, __: next_seal,
        lambda _, __: Charges(prediction="pred-1", from_us=1, state="open").question(),
        lambda _, __: lambda session: named(session, "pred-1"),
        lambda _, __: charges(Filter(prediction="pred-1")),
    ],
    ids=[
        "budget",
        "poll",
        "revision",
        "due",
        "accounts",
        "leases",
        "seal",
        "listed",
        "shown",
        "page",
    ],
)
def test_no_question_reads_a_table_that_grows_from_end_to_end(
    ledger: Ledger, recorded: Recorded, question: Callable[[Ledger, Any], Callable[[Session], Any]]
) -> None:
    key = ledger.key()

    question(ledger, key)(ledger.session)

    assert recorded.scanned() == {}


def test_a_statement_without_an_index_would_be_seen(ledger: Ledger, recorded: Recorded) -> None:
    ledger.session.rows("SELECT id FROM charges WHERE reason=?", ("odd",))

    assert list(recorded.scanned().values()) == [["charges"]]


def _named(recorded: Recorded) -> set[str]:
    return {table for table in GROWING for sql in recorded.said if f" {table}" in sql}
