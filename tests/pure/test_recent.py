"""What is asked for again stays; what is not makes room."""

from hypothesis import given
from hypothesis import strategies as st

from proxy.recent import Recent


def test_what_is_asked_for_again_stays_however_much_else_comes() -> None:
    kept = Recent[int, str](3)
    kept.put(0, "zero")
    for number in range(1, 50):
        kept.put(number, str(number))
        assert kept.get(0) == "zero"
    assert kept.get(1) is None
    kept.clear()
    assert (kept.get(0), len(kept)) == (None, 0)


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 9))), st.integers(1, 4))
def test_it_holds_what_was_last_put_or_nothing_and_never_too_much(
    steps: list[tuple[bool, int]], most: int
) -> None:
    kept, last = Recent[int, int](most), dict[int, int]()
    for number, (puts, key) in enumerate(steps):
        if puts:
            kept.put(key, number)
            last[key] = number
        assert kept.get(key) in {None, last.get(key)}
        assert not puts or kept.get(key) == number
        assert len(kept) <= 2 * most
