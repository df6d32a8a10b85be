"""Power cuts: what was acknowledged is there again, as long as every commit is synced."""

from tests.chaos.power import CUTS, power_cuts


def test_no_power_cut_loses_what_was_acknowledged() -> None:
    found = power_cuts("FULL")
    assert found.cuts == CUTS
    assert found.sound


def test_the_cuts_show_what_synchronous_normal_would_lose() -> None:
    found = power_cuts("NORMAL", cuts=60)
    assert found.losing
    assert not found.differing
