"""`farebox keys adopt`: a team's own key gets a name and a budget, and nobody keeps its secret."""

import hashlib
from pathlib import Path

from tests.cli.running import Program

MARK = "0123456789abcdef"


def test_an_own_key_is_adopted_from_standard_input_and_not_stored(program: Program) -> None:
    secret = "sk-own-secret-of-a-team"
    ran = program.well("keys", "adopt", "-", "--as", "alice", "--json", reads=f"Bearer {secret}\n")
    assert ran.json["fingerprint"] == hashlib.sha256(secret.encode()).hexdigest()[:16]
    assert secret not in ran.out
    assert secret.encode() not in Path("farebox.db").read_bytes()


def test_an_own_key_goes_as_sent_so_no_other_one_can_pay(program: Program) -> None:
    program.well("keys", "adopt", "0123456789abcdef", "--as", "alice")
    ran = program("keys", "set", "alice", "--upstream-key-env", "TEAM_KEY")
    assert (ran.code, ran.out) == (2, "")
    assert "'upstream_key_env': 'alice' is a caller's own key, which goes as sent" in ran.err
    program.well("keys", "set", "alice", "--upstream-key-env", "default", "--team", "t")
    for mark in ("0123456789abcdef", "fedcba9876543210"):
        line = f'fingerprint = "{mark}"\nupstream_key_env = "TEAM_KEY"\n'
        Path("keys.toml").write_text(f"[keys.own]\n{line}")
        assert "goes as sent" in program("keys", "import", "keys.toml").err
    shown = program.well("keys", "list", "--json").json
    assert [(key["name"], key["upstream_key_env"]) for key in shown] == [("alice", None)]


def test_without_a_name_it_is_called_by_its_fingerprint_until_it_gets_one(program: Program) -> None:
    ran = program.well("keys", "adopt", MARK.upper(), "--daily-budget", "20", "--json")
    assert (ran.json["name"], ran.json["fingerprint"]) == ("adopted-01234567", MARK)
    assert ran.json["daily_budget_usd"] == "20.000000"
    assert program.well("keys", "adopt", MARK, "--as", "alice", "--json").json["name"] == "alice"
    again = program.well("keys", "adopt", MARK, "--daily-budget", "5", "--json").json
    assert (again["name"], again["daily_budget_usd"]) == ("alice", "5.000000")
