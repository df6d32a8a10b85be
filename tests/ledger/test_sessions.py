"""The verbs of a connection that the ledger's own tests do not already lean on."""

import pytest

from proxy.ledger.session import SOME, LedgerFault
from tests.ledger.world import Ledger


@pytest.mark.parametrize("count", [0, 1, SOME, SOME + 1, 3 * SOME])
def test_rows_come_some_at_a_time_and_all_of_them(ledger: Ledger, count: int) -> None:
    sql = (
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i<200)"
        " SELECT i FROM n WHERE i<=? ORDER BY i"
    )
    parts = list(ledger.session.some(sql, (count,)))
    assert [row[0] for part in parts for row in part] == list(range(1, count + 1))
    assert [len(part) for part in parts[:-1]] == [SOME] * (len(parts) - 1)


def test_a_statement_that_cannot_be_run_is_a_fault_of_the_ledger(ledger: Ledger) -> None:
    with pytest.raises(LedgerFault):
        list(ledger.session.some("SELECT nothing FROM nowhere"))
