"""What fuzzing found is read again at every run, without the fuzzer."""

import pytest

from tests.hardening.fuzz.corpus import kept
from tests.hardening.fuzz.targets import TARGETS


@pytest.mark.parametrize("target", TARGETS)
def test_no_kept_input_breaks_a_promise(target: str) -> None:
    inputs = kept(target)
    assert len(inputs) > 40
    for data in inputs:
        TARGETS[target](data)
