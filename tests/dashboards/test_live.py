"""The whole way: traffic through the proxy, a real Prometheus, a real Alertmanager, a receiver."""

from typing import Any

import pytest

from dashboards.promql import lately
from proxy.ledger import registry
from tests.dashboards.grafana import FILES, Target, expression, panels, read, targets
from tests.dashboards.programs import ask, until
from tests.dashboards.site import Site

QUERIES = [t for t in targets() if t.query.get("expr")]


@pytest.mark.parametrize("target", QUERIES, ids=lambda t: str(t.id))
def test_every_query_of_prometheus_answers_with_figures(site: Site, target: Target) -> None:
    expr = expression(target.query["expr"])
    since = 0 if target.query.get("instant") else 60
    found = until(lambda: _figures(site, expr, since), within_s=20, what=expr)
    assert all(value != "NaN" for value in found[:1]), expr


def _figures(site: Site, expr: str, since: int) -> list[str]:
    found = ask(site.prometheus, expr, since=since)
    values = [v for each in found for _, v in each.get("values", [each.get("value")])]
    return [value for value in values if value != "NaN"]


def test_every_choice_and_annotation_finds_something(site: Site) -> None:
    for path in FILES:
        board = read(path)
        for mark in board["annotations"]["list"]:
            _marked(site, expression(mark["expr"]))
        for choice in board["templating"]["list"]:
            if isinstance(choice.get("query"), dict):
                assert _values(site, choice["query"]["query"]), choice["name"]


def _marked(site: Site, expr: str) -> None:
    until(lambda: ask(site.prometheus, expr, since=60), within_s=20, what=expr)


def _values(site: Site, query: str) -> set[str]:
    series, label = query.removeprefix("label_values(").removesuffix(")").rsplit(", ", 1)
    return {found["metric"].get(label, "") for found in ask(site.prometheus, expression(series))}


def test_what_prometheus_shows_is_what_the_ledger_holds(site: Site) -> None:
    [[micros]] = site.farebox.rows("SELECT sum(spend_micros) FROM totals")
    shown = until(
        lambda: _one(site, "sum(farebox:spend_usd:total)") * 1e6 >= micros - 0.5,
        within_s=20,
        what="the spend of this instant",
    )
    assert shown


def _one(site: Site, expr: str) -> float:
    found = ask(site.prometheus, expr)
    return float(found[0]["value"][1]) if found else 0.0


def test_the_first_event_of_its_kind_is_counted(site: Site) -> None:
    labels = 'job="farebox", reason="invalid_key"'
    assert site.farebox.submit("sk-fb-nobody").status_code == 401
    series = f"farebox_refusals_total{{{labels}}}"
    until(lambda: _one(site, series), within_s=20, what=series)
    assert _one(site, lately("farebox_refusals_total", labels)) == 1


def _alarm(site: Site, name: str) -> dict[str, Any]:
    found = until(lambda: site.receiver.of(name), within_s=90, what=f"{name} at the receiver")
    alert: dict[str, Any] = found[0]
    return alert


def test_an_empty_balance_reaches_the_receiver(site: Site) -> None:
    site.upstream.next(*["402"] * 3)
    alert = _alarm(site, "ProviderBalanceEmpty")
    assert alert["status"] == "firing"
    assert alert["labels"]["severity"] == "critical"
    assert alert["annotations"]["runbook_url"] == "docs/operations/ProviderBalanceEmpty.md"


def test_a_spent_budget_reaches_the_receiver_and_names_the_key(site: Site) -> None:
    change = registry.set_key("loner", {"daily_micros": 100}, actor="test")
    site.farebox.change(change)
    until(lambda: _spent(site), within_s=90, what="BudgetExhausted of the key at the receiver")


def _spent(site: Site) -> bool:
    return any(
        alert["labels"].get("key") == "loner" for alert in site.receiver.of("BudgetExhausted")
    )


def test_panels_are_there_to_be_asked() -> None:
    assert sum(1 for path in FILES for _ in panels(read(path))) > 60
    assert len(QUERIES) > 40
