"""The rules: sound for Prometheus, each alert with a case that fires and one that does not."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from dashboards.build import HERE

RULES = HERE / "prometheus" / "farebox.rules.yml"
CASES = HERE / "prometheus" / "farebox.rules.test.yml"
OPERATIONS = HERE.parent / "docs" / "operations"
WANTED = {
    "BudgetNearLimit", "BudgetExhausted", "BudgetWillExhaustToday", "SpendAnomaly",
    "UnpricedCalls", "ChargesUncertain", "OldestChargeTooOld", "ReconciliationDrift",
    "LedgerErrors", "UpstreamErrors", "ProviderBalanceEmpty", "BudgetOverrun", "PriceReviewDue",
    "MetricsDown", "OutcomeContradicted", "ClockStepped",
}  # fmt: skip


def alerts() -> list[dict[str, Any]]:
    groups = yaml.safe_load(RULES.read_text())["groups"]
    return [rule for group in groups for rule in group["rules"] if "alert" in rule]


def promtool(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    program = shutil.which("promtool")
    if program is None:
        pytest.skip("promtool is missing: apt-get install prometheus")
    return subprocess.run([program, *arguments], capture_output=True, text=True, check=False)


def test_the_rules_are_sound() -> None:
    done = promtool("check", "rules", RULES)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.timeout(300)
def test_every_case_of_the_rules_comes_out_as_it_says() -> None:
    done = promtool("test", "rules", CASES)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_has_a_case_that_fires_and_one_that_stays_silent() -> None:
    fires, silent = set(), set()
    for case in yaml.safe_load(CASES.read_text())["tests"]:
        for check in case.get("alert_rule_test", ()):
            (fires if check["exp_alerts"] else silent).add(check["alertname"])
    assert {rule["alert"] for rule in alerts()} == WANTED
    assert fires >= WANTED
    assert silent >= WANTED


@pytest.mark.parametrize("rule", alerts(), ids=lambda rule: str(rule["alert"]))
def test_an_alert_says_what_happened_what_to_do_and_where_to_read_on(rule: dict[str, Any]) -> None:
    assert rule["labels"]["severity"] in {"critical", "warning", "info"}
    said = rule["annotations"]
    assert said["summary"]
    assert said["description"].endswith(".")
    assert said["runbook_url"] == f"docs/operations/{rule['alert']}.md"
    runbook = (OPERATIONS / f"{rule['alert']}.md").read_text()
    assert runbook.startswith(f"# {rule['alert']}\n")
    for heading in ("## What it means", "## Look", "## Act"):
        assert heading in runbook
