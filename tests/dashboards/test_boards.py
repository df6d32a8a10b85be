"""The boards as files: up to date, sound as Grafana reads them, and plain to their readers."""

import itertools
import json
import re
from typing import Any

import pytest
import yaml
from prometheus_client import CollectorRegistry

from dashboards.build import GRAFANA, HERE, again, render
from proxy.metrics import Metrics
from proxy.money_metrics import MoneyMetrics
from tests.dashboards.grafana import FILES, NAMES, panels, read, targets
from tests.ledger.world import Ledger

RULES = HERE / "prometheus" / "farebox.rules.yml"
METRIC = re.compile(r"\bfarebox_[a-z_]+[a-z]\b")
RECORDED = re.compile(r"\bfarebox:[a-z_]+:[a-z0-9_]+\b")
OF_A_HISTOGRAM = re.compile(r"_(bucket|sum|count)$")
SOURCES = {
    "prometheus": "${metrics}",
    "grafana-postgresql-datasource": "${ledger}",
    "frser-sqlite-datasource": "${ledger}",
}
# Names in the boards that look like a metric of ours and are none.
NO_METRIC = {"farebox_budgets"}


@pytest.fixture(params=FILES, ids=NAMES)
def board(request: pytest.FixtureRequest) -> dict[str, Any]:
    return read(request.param)


def test_the_committed_boards_are_what_the_package_makes() -> None:
    made = render()
    assert set(made) == set(FILES)
    stale = [path.name for path, text in made.items() if path.read_text() != text]
    assert not stale, f"run `make dashboards`: {stale}"


def test_a_board_survives_the_sdk_unchanged(board: dict[str, Any]) -> None:
    assert _without_queries(again(board)) == _without_queries(board)


def _without_queries(board: dict[str, Any]) -> dict[str, Any]:
    """The SDK does not know the queries of SQL data sources."""
    bare: dict[str, Any] = json.loads(json.dumps(board))
    for panel in panels(bare):
        panel.pop("targets")
    return bare


def test_ids_are_there_and_unique(board: dict[str, Any]) -> None:
    ids = [panel.get("id") for panel in board["panels"]]
    assert None not in ids
    assert len(set(ids)) == len(ids)


def test_no_two_panels_cover_each_other_or_leave_the_grid(board: dict[str, Any]) -> None:
    places = [panel["gridPos"] for panel in board["panels"]]
    assert all(place["x"] + place["w"] <= 24 for place in places)
    for one, other in itertools.combinations(places, 2):
        assert not (_overlap(one, other, "x", "w") and _overlap(one, other, "y", "h")), (one, other)


def _overlap(one: dict[str, int], other: dict[str, int], start: str, length: str) -> bool:
    return one[start] < other[start] + other[length] and other[start] < one[start] + one[length]


def test_every_data_source_is_the_reader_s_choice(board: dict[str, Any]) -> None:
    offered = {
        v["name"]: v["query"] for v in board["templating"]["list"] if v["type"] == "datasource"
    }
    found = [*_sources(board)]
    assert found
    for source in found:
        if source != {"type": "grafana", "uid": "-- Grafana --"}:
            assert source["uid"] == SOURCES[source["type"]]
            assert offered[source["uid"].strip("${}")] == source["type"]


def _sources(node: Any) -> Any:
    if isinstance(node, dict):
        if isinstance(node.get("datasource"), dict):
            yield node["datasource"]
        node = list(node.values())
    if isinstance(node, list):
        for child in node:
            yield from _sources(child)


def test_every_panel_says_what_it_is_in_which_unit_and_what_to_do(board: dict[str, Any]) -> None:
    for panel in panels(board):
        assert len(panel["description"]) > 30, panel["title"]
        assert panel["fieldConfig"]["defaults"]["unit"], panel["title"]
        assert panel["fieldConfig"]["defaults"]["thresholds"]["steps"], panel["title"]
        assert panel["targets"], panel["title"]


def test_counts_are_written_out(board: dict[str, Any]) -> None:
    found = re.findall(r'"(?:unit|value)": "(short|locale)"', json.dumps(board))
    assert set(found) == {"locale"}, "2,606 images are not 3 K"


def test_what_shadow_lets_through_is_not_counted_as_refused() -> None:
    board = read(GRAFANA / "budgets.json")
    [panel] = [p for p in panels(board) if p["title"] == "Refused, 1 h"]
    assert panel["targets"][0]["expr"].count('reason!="shadow"') == 3


def test_every_board_has_choices_links_and_annotations(board: dict[str, Any]) -> None:
    names = {variable["name"] for variable in board["templating"]["list"]}
    assert {"metrics", "job", "team", "key", "model"} <= names
    assert [link["tags"] for link in board["links"]] == [board["tags"]] == [["farebox"]]
    marks = {mark["name"] for mark in board["annotations"]["list"]}
    assert {"Price table", "Refused"} <= marks


def test_titles_of_a_board_are_told_apart(board: dict[str, Any]) -> None:
    titles = [panel["title"] for panel in board["panels"]]
    assert len(set(titles)) == len(titles)


def test_links_lead_to_boards_that_there_are(board: dict[str, Any]) -> None:
    uids = {read(path)["uid"] for path in FILES}
    assert set(re.findall(r"/d/([a-z-]+)", json.dumps(board))) <= uids


def test_the_boards_of_both_databases_show_the_same(board: dict[str, Any]) -> None:
    twins = [read(path) for path in FILES if read(path)["uid"] == board["uid"]]
    for twin in twins:
        assert [(p["title"], p["gridPos"]) for p in twin["panels"]] == [
            (p["title"], p["gridPos"]) for p in board["panels"]
        ]


@pytest.fixture(scope="session")
def exported(sqlite_url: str) -> set[str]:
    """Every metric that the proxy announces, as a scrape names it."""
    ledger = Ledger(sqlite_url)
    money = MoneyMetrics(ledger.session, ledger.store.directory, 100)
    families = [*Metrics(CollectorRegistry()).collect(), *money.collect()]
    ledger.close()
    return {f.name + ("_total" if f.type == "counter" else "") for f in families}


def _said() -> str:
    """All that the boards ask, with what is behind the recorded names."""
    asked = " ".join([*(path.read_text() for path in FILES)])
    recorded = {
        rule["record"]: rule["expr"]
        for group in yaml.safe_load(RULES.read_text())["groups"]
        for rule in group["rules"]
        if "record" in rule
    }
    seen: set[str] = set()
    while new := set(RECORDED.findall(asked)) - seen:
        assert new <= set(recorded), f"not recorded: {new - set(recorded)}"
        asked += " ".join(recorded[name] for name in new)
        seen |= new
    return asked


def _metrics(text: str) -> set[str]:
    return {OF_A_HISTOGRAM.sub("", name) for name in METRIC.findall(text)} - NO_METRIC


def test_every_metric_that_a_board_or_rule_names_is_exported(exported: set[str]) -> None:
    assert _metrics(_said() + RULES.read_text()) <= exported


def test_every_metric_that_is_exported_is_shown(exported: set[str]) -> None:
    assert exported <= _metrics(_said())


def test_money_is_taken_once_however_many_nodes_show_it(exported: set[str]) -> None:
    of_the_ledger = re.compile(
        r"farebox_(spend|images|corrections|budget\w*|charges_open|open_usd|oldest\w*|overruns|contradictions"
        r"|reconciliation\w*)"
    )
    for target in [t for t in targets() if t.query.get("expr")]:
        for found in of_the_ledger.finditer(target.query["expr"]):
            before = target.query["expr"][: found.start()]
            assert before.endswith("max without (instance, pod) ("), target.id
