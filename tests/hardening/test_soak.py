"""The soak, for twenty seconds."""

from pathlib import Path

from tests.hardening.soak import soak


def test_a_load_with_faults_leaves_nothing_open_and_the_books_agree(tmp_path: Path) -> None:
    seen = soak(tmp_path, 20)
    assert seen.faults() == []
    assert seen.answers["200"] > 100
