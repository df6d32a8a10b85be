"""A call without a price is counted and shown; nowhere is it told to have cost nothing."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import pytest

from tests.cli.running import Program
from tests.relay.house import ADMIN_TOKEN, charge_of, running, state_of
from tests.standin.server import Standin

NEW = "/api/v3/google/some-new-model/text-to-image"
MONEY = ("unit_usd", "reserved_usd", "settled_usd", "cost_usd")


@dataclass(frozen=True)
class Bought:
    """Charges of a Farebox that has ended, and what its API said while it ran."""

    database: Path
    priced: str
    unpriced: tuple[str, ...]  # settled, accepted, uncertain
    said: dict[str, Any]
    document: Any
    log: list[dict[str, Any]]


@pytest.fixture(scope="module")
def bought(tmp_path_factory: pytest.TempPathFactory) -> Bought:
    home = tmp_path_factory.mktemp("unpriced")
    with Standin() as upstream, running(home, upstream.url, unpriced="relay") as farebox:
        key = farebox.key("web")
        priced = farebox.submit(key, enable_sync_mode=True)
        settled = farebox.submit(key, path=NEW, enable_sync_mode=True)
        accepted = farebox.submit(key, path=NEW)
        farebox.submit(key, "standin:hangup", path=NEW)
        assert [state_of(each) for each in (priced, settled, accepted)] == [
            "settled", "settled", "accepted"
        ]  # fmt: skip
        ((uncertain,),) = farebox.rows("SELECT id FROM charges WHERE state='uncertain'")
        unpriced = (charge_of(settled), charge_of(accepted), uncertain)
        admin = httpx.Client(
            base_url=farebox.url,
            headers={"authorization": f"Bearer {ADMIN_TOKEN}"},
            trust_env=False,
            timeout=20,
        )
        with admin:
            paths = ("/admin/charges", f"/admin/charges/{unpriced[0]}", "/admin/spend")
            said = {path: admin.get(path).json() for path in paths}
            document = admin.get("/admin/openapi.json").json()
        farebox.end()
        lines = farebox.log.read_text().splitlines()
    log = [json.loads(line) for line in lines if line.startswith("{")]
    return Bought(farebox.database, charge_of(priced), unpriced, said, document, log)


@pytest.fixture
def ledger(bought: Bought, program: Program) -> Bought:
    """The command line before a copy of that ledger."""
    program.set("DATABASE_URL", f"sqlite:///{bought.database}")
    program.well("backup", "copy.db")
    program.set("DATABASE_URL", f"sqlite:///{program.directory}/copy.db")
    return bought


def valid(bought: Bought, answer: Any, schema: str) -> None:
    pointer = {"$ref": f"#/components/schemas/{schema}"}
    jsonschema.validate(answer, {**pointer, "components": bought.document["components"]})


def test_a_list_for_people_says_unpriced_where_the_cost_would_stand(
    program: Program, ledger: Bought
) -> None:
    head, *lines = program.well("charges", "list").out.splitlines()
    place = head.split("\t").index("cost_usd")
    costs = {line.split("\t")[0]: line.split("\t")[place] for line in lines}
    assert costs == {ledger.priced: "0.040200", **dict.fromkeys(ledger.unpriced, "unpriced")}
    for charge in ledger.unpriced:
        told = program.well("charges", "show", charge).out
        assert "cost_usd\tunpriced" in told
        assert "0.000000" not in told


def test_programs_are_told_null(program: Program, ledger: Bought) -> None:
    listed = {row["id"]: row for row in program.well("charges", "list", "--json").json}
    assert listed[ledger.priced]["cost_usd"] == "0.040200"
    for charge in ledger.unpriced:
        story = program.well("charges", "show", charge, "--json").json
        for facts in (listed[charge], story):
            assert facts["price_status"] == "unpriced"
            assert {facts[name] for name in MONEY} == {None}
        assert {e[n] for e in story["entries"] for n in ("reserved_usd", "settled_usd")} == {None}


def test_the_api_says_null_as_its_document_says(bought: Bought) -> None:
    listed = bought.said["/admin/charges"]
    rows = {row["id"]: row for row in listed["data"]}
    assert {rows[charge][name] for charge in bought.unpriced for name in MONEY} == {None}
    assert rows[bought.priced]["settled_usd"] == "0.040200"
    valid(bought, listed, "ChargeList")
    story = bought.said[f"/admin/charges/{bought.unpriced[0]}"]
    assert {entry["settled_usd"] for entry in story["entries"]} == {None}
    valid(bought, story, "ChargeStory")


def test_spend_says_how_many_calls_it_does_not_know_the_cost_of(
    program: Program, ledger: Bought
) -> None:
    spend = ledger.said["/admin/spend"]
    assert (spend["unpriced_calls"], spend["held_charges"]) == (3, 0)
    assert spend["total"]["spend_usd"] == "0.040200"
    valid(ledger, spend, "SpendShown")
    assert "not counted: what 3 unpriced calls cost" in program.well("report", "spend").err
    program.well("charges", "release", ledger.unpriced[2], "--why", "it made no job")
    assert "what 2 unpriced calls cost" in program.well("report", "spend").err
    program.well("charges", "charge", ledger.unpriced[1], "--why", "it was billed")
    assert "what 2 unpriced calls cost" in program.well("report", "spend").err
    past = ("--from", "2020-01-01", "--to", "2020-12-31")
    assert "unpriced" not in program.well("report", "spend", *past).err


def test_a_log_line_leaves_out_a_cost_that_is_not_known(bought: Bought) -> None:
    costs = {line["charge"]: line.get("cost_usd") for line in bought.log if "charge" in line}
    assert costs == {bought.priced: "0.040200", **dict.fromkeys(bought.unpriced)}
