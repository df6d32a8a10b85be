"""A copy of a ledger in use: it comes to an end, is of one instant, and of that very ledger."""

from pathlib import Path

import pytest

from proxy.ledger import backup as module
from proxy.ledger.backup import backup
from proxy.ledger.schema import migrate, quick_check
from tests.ledger.books import differences
from tests.ledger.world import Ledger

pytestmark = pytest.mark.parametrize("database", ["sqlite"])


def test_a_ledger_that_is_written_all_the_while_is_copied_as_it_was(
    ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PAGES_A_STEP", 16)
    key = ledger.key()
    ledger.reserve(key)
    steps = 0

    def progress(_left: int, pages: int) -> None:
        nonlocal steps
        steps += 1
        assert steps <= 2 * pages / 16, "it begins again and again"
        ledger.reserve(key)

    backup(Path(ledger.url.removeprefix("sqlite:///")), tmp_path / "copy", progress=progress)
    assert steps > 2
    copy = Ledger(f"sqlite:///{tmp_path}/copy", ledger.clock)
    assert copy.count("charges") == 1
    assert differences(copy.session) == []
    copy.close()
    assert ledger.count("charges") == 1 + steps


def test_a_name_that_means_something_in_an_address_is_a_name(database: str, tmp_path: Path) -> None:
    folder = tmp_path / f"{database} #1"
    folder.mkdir()
    path = folder / "ledger.db"
    migrate(f"sqlite:///{path}")
    backup(path, tmp_path / "copy", progress=lambda _left, _pages: None)
    assert (tmp_path / "copy").stat().st_size == path.stat().st_size > 0
    assert quick_check(path) is None
    assert {each.name for each in tmp_path.iterdir()} == {folder.name, "copy"}
