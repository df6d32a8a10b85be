from hypothesis import given
from hypothesis import strategies as st

from proxy.fares import new_id

DIGITS = "0123456789abcdefghjkmnpqrstvwxyz"
instants = st.integers(1_000_000_000_000_000, 30_000_000_000_000_000)  # 2001 to 2920


def number_of(charge_id: str) -> int:
    number = 0
    for digit in charge_id.removeprefix("fb_"):
        number = number * 32 + DIGITS.index(digit)
    return number


@given(instants)
def test_the_id_of_a_charge_begins_with_its_instant(at_us: int) -> None:
    charge_id = new_id(at_us)

    assert number_of(charge_id) >> 50 == at_us
    assert charge_id[3] != "0"


@given(instants, instants)
def test_ids_sort_as_their_instants(one_us: int, other_us: int) -> None:
    if one_us != other_us and len(new_id(one_us)) == len(new_id(other_us)):
        assert (new_id(one_us) < new_id(other_us)) is (one_us < other_us)
