"""How many calls and connections fit into the descriptors there are."""

import resource

import pytest

from proxy.edge import connections_cap, in_flight_cap, raise_descriptor_limit


def test_the_soft_limit_of_descriptors_is_raised_to_the_hard_one() -> None:
    raised = raise_descriptor_limit()
    assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == raised


@pytest.mark.parametrize("setting", [1, 10, 5000, 10**9])
def test_calls_in_flight_are_capped_by_the_setting_and_by_half_the_descriptors(
    setting: int,
) -> None:
    half = raise_descriptor_limit() // 2
    assert in_flight_cap(setting) == min(setting, half)
    assert connections_cap() <= half
