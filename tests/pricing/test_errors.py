import pytest

from pricing import NotUnderstood, PriceUnknown, TableError, Unpriced
from pricing.errors import ABSENT


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (NotUnderstood("n", "is odd"), "n: is odd"),
        (PriceUnknown("veo", None), "veo is not in the table"),
        (PriceUnknown("veo", "veo"), "veo is not in the table"),
        (PriceUnknown("veo", "veo3"), "veo is not in the table; the nearest known model is veo3"),
        (PriceUnknown("veo", None, "is a film"), "veo is a film"),
        (PriceUnknown("", None, "the body names no model"), "the body names no model"),
        (PriceUnknown("x" * 128, None), "x" * 128 + " is not in the table"),
        (PriceUnknown("x" * 129, None), "x" * 128 + " is not in the table"),
        (PriceUnknown("v\ud800", None), "v? is not in the table"),
        (Unpriced("old"), "old passes unpriced"),
        (TableError("t.toml", None, "", "is not TOML"), "t.toml: is not TOML"),
        (TableError("t.toml", 3, "", "is not TOML"), "t.toml:3: is not TOML"),
        (TableError("t.toml", 3, "usd", "is missing"), "t.toml:3: usd: is missing"),
        (TableError("t.toml", None, "usd", "is missing"), "t.toml: usd: is missing"),
    ],
)
def test_an_error_says_what_is_wrong_and_where(error: Exception, words: str) -> None:
    assert str(error) == words


def test_an_error_carries_what_an_answer_repeats() -> None:
    error = NotUnderstood("n", "is odd")
    assert (error.member, error.why) == ("n", "is odd")
    unknown = PriceUnknown("x" * 129, "y")
    assert (unknown.model, unknown.nearest) == ("x" * 128, "y")
    assert (unknown.why, PriceUnknown("x", "y", "is a film").why) == (ABSENT, "is a film")
    assert "nearest" not in str(PriceUnknown("x", "x"))
