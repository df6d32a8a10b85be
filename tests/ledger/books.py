"""The auditor: derives every figure again from charges and entries, in Python, rule by rule.

It shares no code with `proxy.ledger.verify`, so that the two can disagree.
"""

from collections import Counter, defaultdict
from typing import Any

from proxy.charge import OPEN
from proxy.ledger.session import Session

CHARGE = (
    "id", "key_id", "team", "key_day", "day", "state", "reserved_micros", "settled_micros", "seq",
    "sold_images", "price_status",
)  # fmt: skip


def differences(session: Session) -> list[str]:
    """List every figure that does not follow from the entries; an empty list is the proof."""
    charges = _charges(session)
    held, settled, images, numbers = _entries(session)
    found = []
    for charge in charges.values():
        name, is_open = charge["id"], charge["state"] in OPEN
        due = charge["reserved_micros"] if is_open else 0
        facts = (due, charge["settled_micros"], charge["sold_images"])
        if (held[name], settled[name], images[name]) != facts:
            found.append(f"{name}: entries {held[name], settled[name], images[name]}, says {facts}")
        if sorted(numbers[name]) != list(range(1, charge["seq"] + 1)):
            found.append(f"{name}: entries {numbers[name]} of {charge['seq']}")
    found += [f"{name}: entries without a charge" for name in numbers if name not in charges]
    return found + _balances(session, charges) + _rolled_up(session, charges)


def _charges(session: Session) -> dict[str, dict[str, Any]]:
    rows = session.rows(f"SELECT {','.join(CHARGE)} FROM charges")  # noqa: S608
    return {row[0]: dict(zip(CHARGE, row, strict=True)) for row in rows}


def _entries(session: Session) -> tuple[Any, Any, Any, Any]:
    held, settled, images = Counter[str](), Counter[str](), Counter[str]()
    numbers: dict[str, list[int]] = defaultdict(list)
    for name, seq, reserved, money, sold in session.rows(
        "SELECT charge_id,seq,reserved_micros,settled_micros,images FROM entries"
    ):
        held[name] += reserved
        settled[name] += money
        images[name] += sold
        numbers[name].append(seq)
    return held, settled, images, numbers


def _balances(session: Session, charges: dict[str, dict[str, Any]]) -> list[str]:
    due: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0])
    for charge in charges.values():
        held = charge["reserved_micros"] if charge["state"] in OPEN else 0
        for scope, day in _scopes(charge):
            for period in (day, day[:7]):
                due[scope, period][0] += charge["settled_micros"]
                due[scope, period][1] += held
    have = {
        (scope, period): [settled, reserved]
        for scope, period, settled, reserved in session.rows(
            "SELECT scope,period,settled_micros,reserved_micros FROM balances"
        )
    }
    return [
        f"balance {place}: {have.get(place)}, derived {due.get(place)}"
        for place in due.keys() | have.keys()
        if have.get(place, [0, 0]) != due.get(place, [0, 0])
    ]


def _scopes(charge: dict[str, Any]) -> list[tuple[str, str]]:
    scopes = [(f"key:{charge['key_id']}", charge["key_day"]), ("installation", charge["day"])]
    return [*scopes, (f"team:{charge['team']}", charge["day"])] if charge["team"] else scopes


def _rolled_up(session: Session, charges: dict[str, dict[str, Any]]) -> list[str]:
    priced = [c for c in charges.values() if c["price_status"] != "unpriced"]
    money = sum(c["settled_micros"] for c in priced)
    images = sum(c["sold_images"] for c in priced)
    (spend,) = session.rows(
        "SELECT coalesce(sum(spend_micros),0),coalesce(sum(images),0) FROM spend"
    )
    (total,) = session.rows("SELECT coalesce(sum(spend_micros),0) FROM totals")
    (down,) = session.rows(
        "SELECT coalesce(sum(value),0) FROM tallies WHERE name='corrections' AND label='down'"
    )
    found = []
    if [int(n) for n in spend] != [money, images]:
        found.append(f"spend says {tuple(spend)}, charges {money, images}")
    if int(total[0]) - int(down[0]) != money:
        found.append(f"totals say {total[0]} less {down[0]}, charges {money}")
    return found
