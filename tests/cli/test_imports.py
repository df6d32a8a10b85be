"""`farebox keys import` where it comes to nothing."""

from pathlib import Path

from tests.cli.running import Program


def test_an_import_that_failed_leaves_nothing_in_the_way_of_the_next_try(program: Program) -> None:
    program.well("keys", "create", "web")
    taken = '[keys.new]\n[keys.web]\nfingerprint = "0123456789abcdef"\n'
    Path("keys.toml").write_text(taken)
    into = ("keys", "import", "keys.toml", "--secrets", "secrets.tsv")
    assert "there is a key 'web' already" in program(*into).err
    Path("keys.toml").write_text("[keys.new]\n[keys.web]\n")
    program.well(*into)
    assert Path("secrets.tsv").read_text().startswith("new\tsk-fb-")
