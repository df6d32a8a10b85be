"""Which board lies in which file.

Boards that ask the ledger exist twice, once for each database; both have the same uid, since
an installation has one ledger, and links between boards name the uid.
"""

import json
from pathlib import Path
from typing import Any

from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard

from dashboards.board import Board
from dashboards.boards import budgets, health, savings, spend
from dashboards.ledger import POSTGRESQL, SQLITE

HERE = Path(__file__).parent
GRAFANA = HERE / "grafana"


def boards() -> dict[Path, Board]:
    """Build every board, by the file it lies in."""
    found = {
        GRAFANA / "budgets.json": budgets.board(),
        GRAFANA / "health.json": health.board(),
    }
    for dialect in (POSTGRESQL, SQLITE):
        found[GRAFANA / dialect.name / "spend.json"] = spend.board(dialect)
        found[GRAFANA / dialect.name / "savings.json"] = savings.board(dialect)
    return found


def render() -> dict[Path, str]:
    """Spell every board as JSON, by the file it lies in."""
    encoder = JSONEncoder(sort_keys=True, indent=2, ensure_ascii=False)
    return {path: encoder.encode(board.build()) + "\n" for path, board in boards().items()}


def again(board: dict[str, Any]) -> Any:
    """Read a board and spell it again: what the SDK does not know is lost on the way."""
    return json.loads(JSONEncoder().encode(Dashboard.from_json(board)))
