"""The provider's bill for a seeded month, right to the micro-dollar until an error is planted."""

import csv
from dataclasses import dataclass, replace
from pathlib import Path

from pricing import usd
from proxy.instants import instant
from proxy.ledger.session import Session


@dataclass(frozen=True)
class Billed:
    """One line of a bill, and the charge it is for."""

    prediction_id: str
    at_us: int
    model: str
    micros: int
    charge_id: str = ""
    version: str = ""


def true_bill(session: Session) -> list[Billed]:
    """Bill every charge that was settled, three seconds after it was admitted."""
    found = session.rows(
        "SELECT prediction_id,admitted_us+3000000,model,settled_micros,id,price_version"
        " FROM charges WHERE settled_micros>0 ORDER BY id"
    )
    return [Billed(*row) for row in found]


def write(path: Path, bill: list[Billed]) -> Path:
    """Write a bill in the default layout."""
    with path.open("w", encoding="utf-8", newline="") as file:
        lines = csv.writer(file)
        lines.writerow(["prediction_id", "created_at", "model", "amount_usd"])
        for each in bill:
            at = instant(each.at_us).isoformat()
            lines.writerow([each.prediction_id, at, each.model, usd(each.micros)])
    return path


@dataclass
class Planted:
    """A bill with errors in it, and what has to be found."""

    bill: list[Billed]
    expected: dict[str, set[str]]  # category -> prediction ids


def plant(session: Session) -> Planted:
    """Plant 25 errors, five of each kind, spread over the month."""
    bill = true_bill(session)
    step = len(bill) // 25
    expected: dict[str, set[str]] = {}
    missing, changed = bill[3 : 3 + 5 * step : step], bill[7 * step : 12 * step : step]
    expected["only_ours"] = {each.prediction_id for each in missing}
    expected["amount_differs"] = {each.prediction_id for each in changed}
    put = [replace(each, micros=each.micros + 1 + i) for i, each in enumerate(changed)]
    extra = [replace(each, prediction_id=f"foreign-{i}") for i, each in enumerate(bill[50:55])]
    expected["only_theirs"] = {each.prediction_id for each in extra}
    twice = bill[13 * step : 18 * step : step]
    expected["amount_differs"] |= {each.prediction_id for each in twice}
    late = [
        Billed(*row)
        for row in session.rows(
            "SELECT prediction_id,admitted_us,model,reserved_micros FROM charges"
            " WHERE state='uncertain' AND reserved_micros>0 ORDER BY id LIMIT 5"
        )
    ]
    expected["uncertain_decided"] = {each.prediction_id for each in late}
    gone = {*missing, *changed}
    rest = [each for each in bill if each not in gone]
    return Planted([*rest, *put, *extra, *twice, *late], expected)
