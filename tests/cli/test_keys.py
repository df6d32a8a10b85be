"""Keys and teams at a terminal: the words of the API, tables for people, JSON for programs."""

import stat
from pathlib import Path

import pytest

from pricing import BUNDLED
from proxy.keys import checksum_ok
from tests.cli.running import Program


def test_a_new_key_is_shown_once(program: Program) -> None:
    made = program.well("keys", "create", "web", "--json").json
    assert checksum_ok(made["key"])
    assert "key" not in program.well("keys", "show", "web", "--json").json
    for command in (["list"], ["show", "web"], ["list", "--json"]):
        assert made["key"] not in program.well("keys", *command).out
    assert made["key"].encode() not in Path("farebox.db").read_bytes()


OPTIONS = [
    (["--team", "design"], {"team": "design"}),
    (["--daily-budget", "5"], {"daily_budget_usd": "5.000000"}),
    (["--daily-budget", "unlimited"], {"daily_budget_usd": "unlimited"}),
    (["--daily-budget", "default"], {"daily_budget_usd": None}),
    (["--monthly-budget", "90.5"], {"monthly_budget_usd": "90.500000"}),
    (["--timezone", "Europe/Berlin"], {"timezone": "Europe/Berlin"}),
    (["--models", "gemini-2.5-flash-image, b@1K"], {"models": ["gemini-2.5-flash-image", "b@1K"]}),
    (["--models", "all"], {"models": []}),
    (["--max-price", "0.05"], {"max_price_usd": "0.050000"}),
    (["--expires", "2031-01-01"], {"expires_at": "2031-01-01T00:00:00+00:00"}),
    (["--expires", "never"], {"expires_at": None}),
    (["--mode", "shadow"], {"mode": "shadow"}),
    (["--upstream-key-env", "TEAM_KEY"], {"upstream_key_env": "TEAM_KEY"}),
]


@pytest.mark.parametrize(("options", "shown"), OPTIONS)
def test_an_option_means_the_same_at_create_and_at_set(
    options: list[str], shown: dict[str, object], program: Program
) -> None:
    made = program.well("keys", "create", "a", *options, "--json").json
    program.well("keys", "create", "b", "--team", "x")
    changed = program.well("keys", "set", "b", *options, "--json").json
    for facts in (made, changed):
        assert {name: facts[name] for name in shown} == shown


def test_a_key_may_expire_after_a_span(program: Program) -> None:
    made = program.well("keys", "create", "web", "--expires", "90d", "--json").json
    assert made["expires_at"] > "2026"


TABLE = str(max(BUNDLED.glob("*.toml")))
WRONG = [
    (["keys", "create", "a b"], "1 to 64 letters"),
    (["keys", "create", "own-0123456789abcdef"], "looks like the id"),
    (["keys", "create", ".."], "not . or .., which every URL takes for a step"),
    (["keys", "create", "n", "--team", "."], "not . or .."),
    (["keys", "set", "web", "--rename", ".."], "not . or .."),
    (["teams", "set", "..", "--daily-budget", "5"], "not . or .."),
    (["keys", "create", "web"], "there is a key 'web' already: choose another name, or change"),
    (["keys", "create", "web"], "farebox keys set web"),
    (["keys", "create", "n", "--daily-budget", "3,5"], "--daily-budget"),
    (["keys", "create", "n", "--max-price", "free"], "--max-price"),
    (["keys", "create", "n", "--timezone", "Europe/Berln"], "Europe/Berlin"),
    (["keys", "create", "n", "--expires", "soon"], "90d"),
    (["keys", "create", "n", "--expires", "2020-01-01"], "past"),
    (["keys", "create", "n", "--mode", "watch"], "--mode"),
    (["keys", "create", "n", "--mode", ""], "--mode"),
    (["keys", "list", "--state", "bogus"], "--state: one of active, paused, revoked"),
    (["keys", "set", "web"], "nothing to set"),
    (["keys", "set", "web", "--rename", "a b"], "'--rename': a name is 1 to 64 letters"),
    (["keys", "set", "wbe", "--team", "t"], "did you mean 'web'?"),
    (["keys", "show", "wbe"], "did you mean 'web'?"),
    (["keys", "rotate", "web", "--grace", "long"], "24h"),
    (["keys", "rotate", "web", "--grace", "400d"], "--grace: at most 30d"),
    (["keys", "top-up", "web", "-1"], "such option"),
    (["keys", "top-up", "web", "lots"], "'USD': expected dollars"),
    (["keys", "adopt", "xyz", "--as", "n"], "'FINGERPRINT': a fingerprint is the first 16 hex"),
    (["keys", "adopt", "0123456789abcdef", "--as", "a b"], "'--as': a name is 1 to 64 letters"),
    (["keys", "adopt", "-", "--as", "n"], "no key"),
    (["keys", "import", "nowhere.toml"], "nowhere.toml"),
    (["prices", "import", "nowhere.toml"], "nowhere.toml: No such file or directory"),
    (["prices", "import", TABLE, "--out", "nowhere/x.toml"], "nowhere/x.toml: No such file"),
    (["report", "spend", "--by", "key", "--out", "nowhere/x"], "nowhere/x: No such file"),
    (
        ["report", "spend", "--by", "key", "--format", "parquet", "--out", "nowhere/x"],
        "nowhere/x: No such file",
    ),
    (
        ["report", "focus", "--month", "2026-10", "--out", "nowhere/x.csv"],
        "nowhere/x.csv: No such file",
    ),
    (
        ["report", "focus", "--month", "2026-10", "--out", "nowhere/x.parquet"],
        "nowhere/x.parquet: No such file",
    ),
    (["backup", "nowhere/copy.db"], "nowhere/copy.db: there is no folder nowhere"),
    (["restore", "farebox.db"], "exists: move it away first"),
    (["teams", "set", "t"], "nothing to set"),
    (["teams", "set", "a b", "--daily-budget", "1"], "1 to 64"),
    (["teams", "set", "t", "--daily-budget", "x"], "--daily-budget"),
    (["teams", "pause", "desing"], "did you mean 'design'?"),
    (["charges", "list", "--state", "lost"], "uncertain"),
    (["charges", "list", "--from", "yesterday"], "--from"),
    (["charges", "list", "--from", "2026-11-23", "--to", "2026-11-22"], "--to lies before --from"),
    (["charges", "list", "--key", "wbe"], "did you mean 'web'?"),
    (["charges", "show", "fb_1"], "no charge 'fb_1'"),
    (["charges", "release", "fb_1"], "--why"),
    (["charges", "release", "fb_1", "--why", "x"], "no charge 'fb_1'"),
    (["charges", "charge", "fb_1", "--why", "x", "--images", "-1"], "--images"),
]


@pytest.mark.parametrize(("arguments", "says"), WRONG)
def test_wrong_usage_is_one_line_and_exit_2(
    arguments: list[str], says: str, program: Program
) -> None:
    program.well("keys", "create", "web", "--team", "design")
    ran = program(*arguments)
    assert (ran.code, ran.out) == (2, ""), ran
    assert says in ran.err
    assert ran.err.count("\n") == 1


@pytest.mark.parametrize(
    "arguments",
    [
        *(["keys", "list"], ["teams", "list"], ["charges", "list"], ["report", "spend"]),
        *(["report", "forecast"], ["advise"]),
    ],
)
def test_where_there_is_no_ledger_none_is_made_by_looking(
    arguments: list[str], program: Program
) -> None:
    ran = program(*arguments)
    assert ran.code == 2
    assert "no ledger at" in ran.err
    assert list(program.directory.iterdir()) == []


def test_a_key_is_paused_resumed_and_revoked_for_good(program: Program) -> None:
    program.well("keys", "create", "web")
    for command, state in (("pause", "paused"), ("resume", "active"), ("revoke", "revoked")):
        program.well("keys", command, "web", "--why", "a test")
        assert program.well("keys", "show", "web", "--json").json["state"] == state
    assert "for good" in program("keys", "resume", "web").err
    taken = program("keys", "create", "web")
    assert (taken.code, "choose another name" in taken.err) == (2, True)
    assert "keys set" not in taken.err, "a revoked key cannot be changed"


def test_a_model_that_nobody_sells_is_doubted_aloud(program: Program) -> None:
    ran = program.well("keys", "create", "web", "--models", "gemnii-2.5-flash-image")
    assert "gemini-2.5-flash-image" in ran.err
    ran = program.well("keys", "set", "web", "--models", "gemini-nonsense", "--json")
    assert ran.err.startswith("warning: saved as asked, but no price table knows 'gemini-nonsense'")
    assert ran.json["models"] == ["gemini-nonsense"]
    assert "warning" not in program("keys", "create", "web", "--models", "gemini-nonsense").err
    mark = "0123456789abcdef"
    ran = program.well("keys", "adopt", mark, "--as", "own", "--models", "gemini-nonsense")
    assert "no price table knows 'gemini-nonsense'" in ran.err


def test_an_old_secret_may_stay_good_as_long_as_the_api_allows(program: Program) -> None:
    program.well("keys", "create", "web")
    program.well("keys", "rotate", "web", "--grace", "30d")


def test_a_rotation_that_is_repeated_is_a_finding_until_it_is_forced(program: Program) -> None:
    fresh = program.well("keys", "create", "web", "--json").json
    program.well("keys", "rotate", "web", "--grace", "24h")
    for shown in (
        program.well("keys", "show", "web", "--json").json,
        *program.well("keys", "list", "--json").json,
    ):
        assert shown["created_at"] == fresh["created_at"] < shown["old_secret_until"]
    assert fresh["old_secret_until"] is None
    ran = program("keys", "rotate", "web", "--grace", "24h")
    assert (ran.code, ran.out) == (1, "")
    assert "the secret before is good until 20" in ran.err
    assert "--force" in ran.err
    program.well("keys", "rotate", "web", "--grace", "24h", "--force")
    program.well("keys", "rotate", "web")


def test_a_shell_without_the_zone_does_not_change_it(program: Program) -> None:
    program.set("TIMEZONE", "Europe/Berlin")
    program.well("keys", "create", "web")
    before = program.well("keys", "show", "web", "--json").json["budgets"]
    program.monkeypatch.delenv("FAREBOX_TIMEZONE")
    program.well("keys", "set", "web", "--team", "t")
    after = program.well("keys", "show", "web", "--json").json["budgets"]
    assert {b["timezone"] for b in after} == {b["timezone"] for b in before}


def test_a_teams_cap_is_set_and_everything_can_be_stopped(program: Program) -> None:
    program.well("teams", "set", "*", "--daily-budget", "100")
    program.well("teams", "set", "design", "--daily-budget", "5", "--monthly-budget", "50")
    shown = program.well("teams", "set", "design", "--daily-budget", "6", "--json").json
    assert (shown["daily_budget_usd"], shown["monthly_budget_usd"]) == ("6.000000", "50.000000")
    assert "everything is paused" in program.well("teams", "pause", "*").err
    rows = {row["name"]: row for row in program.well("teams", "list", "--json").json}
    assert {name: row["version"] for name, row in rows.items()} == {"*": 2, "design": 2}
    assert (rows["*"]["state"], rows["design"]["state"]) == ("paused", "active")


ROSTER = """\
[teams."*"]
daily_budget_usd = 100
[teams.design]
daily_budget_usd = "25"
[keys.web]
team = "design"
daily_budget_usd = 5.5
models = ["gemini-2.5-flash-image"]
expires_at = 2031-01-01T00:00:00+01:00
timezone = "Europe/Berlin"
tags = { project = "spring" }
[keys.alice]
fingerprint = "0123456789abcdef"
daily_budget_usd = "2"
"""


def test_an_import_does_what_the_file_says_and_nothing_the_second_time(program: Program) -> None:
    Path("keys.toml").write_text(ROSTER)
    first = program.well("keys", "import", "keys.toml", "--json").json
    assert [step["did"] for step in first] == ["created", "created", "created", "adopted"]
    shown = program.well("keys", "list", "--json").json
    second = program.well("keys", "import", "keys.toml", "--json").json
    assert {step["did"] for step in second} == {"unchanged"}
    assert not any(step["key"] for step in second)
    assert program.well("keys", "list", "--json").json == shown
    assert {key["name"]: key["daily_budget_usd"] for key in shown} == {
        "web": "5.500000",
        "alice": "2.000000",
    }


def test_an_import_says_what_it_changes(program: Program) -> None:
    Path("keys.toml").write_text(ROSTER)
    program.well("keys", "import", "keys.toml")
    Path("keys.toml").write_text(ROSTER.replace("5.5", "6").replace("keys.alice", "keys.bob"))
    steps = {s["name"]: s for s in program.well("keys", "import", "keys.toml", "--json").json}
    assert steps["web"]["changes"] == {"daily_budget_usd": ["5.500000", "6.000000"]}
    assert steps["bob"]["changes"] == {"name": ["alice", "bob"]}


def test_an_import_doubts_aloud_what_nobody_sells(program: Program) -> None:
    Path("keys.toml").write_text(
        "[keys.web]\nmodels = ['gemini-2.5-flash-image@9K', 'gemini-2.5-flash-image']\n"
    )
    for _ in range(2):
        ran = program.well("keys", "import", "keys.toml", "--secrets", "s", "--json")
        Path("s").unlink()
        (said,) = [line for line in ran.err.splitlines() if line.startswith("warning")]
        assert said.startswith("warning: key 'web': saved as asked, but no price table knows")
        assert "'gemini-2.5-flash-image@9K'; did you mean" in said
    Path("keys.toml").write_text("[keys.web]\nmodels = ['gemini-2.5-flash-image']\n")
    assert "warning" not in program.well("keys", "import", "keys.toml").err


def test_an_import_is_whole_or_not_at_all(program: Program) -> None:
    program.well("keys", "create", "web")
    program.well("keys", "revoke", "web")
    Path("keys.toml").write_text('[keys.first]\n[keys.web]\nteam = "t"\n')
    assert program("keys", "import", "keys.toml").code == 2
    assert [key["name"] for key in program.well("keys", "list", "--json").json] == ["web"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[keys.web]\ncolour = 'red'", "keys.web.colour"),
        ("[key.web]", "key"),
        ("[keys.'a b']", "1 to 64"),
        ("[keys.web]\ndaily_budget_usd = '5,0'", "keys.web.daily_budget_usd"),
        ("[keys.web]\nname = 'other'", "keys.web.name"),
        ("[teams.t]\ntimezone = 'UTC'", "teams.t.timezone"),
        ("[keys.web", "Expected ']'"),
    ],
)
def test_a_file_that_is_no_roster_says_where(text: str, says: str, program: Program) -> None:
    Path("keys.toml").write_text(text)
    ran = program("keys", "import", "keys.toml")
    assert ran.code == 2
    assert "keys.toml" in ran.err
    assert says in ran.err


def test_secrets_of_an_import_go_into_a_file_for_its_owner_only(program: Program) -> None:
    Path("keys.toml").write_text("[keys.web]\n[keys.app]\n")
    ran = program.well("keys", "import", "keys.toml", "--secrets", "secrets.tsv")
    file = Path("secrets.tsv")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    kept = dict(line.split("\t") for line in file.read_text().splitlines())
    assert all(checksum_ok(kept[name]) for name in ("web", "app"))
    assert not any(secret in ran.out + ran.err for secret in kept.values())
    again = program("keys", "import", "keys.toml", "--secrets", "secrets.tsv")
    assert again.code == 2, "a file of secrets is never written over"
