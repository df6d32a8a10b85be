"""What a scrape reads of money, on both databases: every budget once, no sum lost to the cap."""

from collections import Counter

import pytest

from proxy.exposition import Measured
from proxy.ledger.reader import where_stands
from proxy.money_metrics import MoneyMetrics
from tests.ledger.world import Ledger

OWN = "own-0123456789abcdef"


def read(ledger: Ledger, series_max: int = 100) -> tuple[MoneyMetrics, dict[str, Measured]]:
    ledger.store.refresh()
    metrics = MoneyMetrics(ledger.session, ledger.store.directory, series_max)
    return metrics, {family.name: family for family in metrics.collect()}


def spend(ledger: Ledger, sums: dict[tuple[str, str], int]) -> None:
    """Write what keys have spent on models, and a third as many images."""
    columns = ("team", "key_name", "model", "resolution", "spend_micros", "images")
    rows = [("art", key, model, "1K", sum_, sum_ // 3) for (key, model), sum_ in sums.items()]
    with ledger.session.transaction():
        ledger.session.insert("totals", columns, rows)


def test_every_limited_budget_is_shown_once_as_budget_shows_it(ledger: Ledger) -> None:
    ledger.set_team("art", daily_micros=900, monthly_micros=9_000)
    ledger.set_team("*", monthly_micros=50_000)
    keys = [
        ledger.key("both", team="art", daily_micros=500, monthly_micros=700),
        ledger.key("month", team="art", monthly_micros=800),
        ledger.key("abroad", daily_micros=300, timezone="Pacific/Kiritimati"),
        ledger.key("unlimited", daily_micros=-1),
    ]
    for key in keys:
        ledger.settle(ledger.reserve(key, 40))
        ledger.reserve(key, 100)
    _, found = read(ledger)
    expected = {}
    for key in keys:
        for one in where_stands(ledger.store.directory, key)(ledger.session):
            if one.limit_micros is not None:
                scope = one.budget.scope
                team = "" if scope == "installation" else key.team
                place = (scope, one.budget.window, team, key.name if scope == "key" else "")
                remaining = one.remaining_micros or 0
                expected[place] = (
                    *(one.limit_micros, one.settled_micros, one.reserved_micros),
                    *(remaining, one.resets_us),
                )
    names = ("limit_usd", "spent_usd", "reserved_usd", "remaining_usd", "resets_timestamp_seconds")
    shown = [found[f"farebox_budget_{name}"].figures for name in names]
    assert len(expected) == 7
    assert {
        place: tuple(round(family[place] * 1e6) for family in shown) for place in shown[0]
    } == expected


@pytest.mark.parametrize("series_max", [1, 2, 5, 8, 9, 100])
def test_whatever_finds_no_room_is_in_other(ledger: Ledger, series_max: int) -> None:
    sums = {(f"key-{k}", f"model-{m}"): 3_000 * (1 + k * m) for k in range(4) for m in range(2)}
    sums[OWN, "model-1"] = 6_000
    spend(ledger, sums)
    metrics, found = read(ledger, series_max)
    shown = found["farebox_spend_usd"].figures
    per_model = Counter[str]()
    for (_, model), micros in sums.items():
        per_model[model] += micros
    seen = Counter[str]()
    for (_, _, model, _), usd in shown.items():
        seen[model] += round(usd * 1e6)
    assert seen == per_model
    images = found["farebox_images"].figures
    assert {place: round(usd * 1e6) // 3 for place, usd in shown.items()} == images
    assert metrics.folded == max(0, len(sums) - series_max)
    named = [place for place in shown if place[1] != "other"]
    assert len(named) <= series_max
    assert OWN not in {key for _, key, _, _ in shown}
    smallest = min((shown[place] for place in named), default=1e9)
    hidden = len(sums) - len(named) - 1  # the own key is never named
    assert hidden == 0 or smallest * 1e6 >= sorted(sums.values())[hidden - 1]
