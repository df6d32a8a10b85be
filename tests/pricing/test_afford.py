import pytest

from pricing import Order, affordable, quote
from pricing.afford import Allowed
from tests.pricing.tables import FLASH, PRO, TABLE, in_body, on_path, table_of

ARTICLE_MODELS = {FLASH, PRO, "gemini-2.5-flash-image"}


def any_at_all(model: str, resolution: str) -> bool:
    return True


def fits(order: Order, remaining: int, allowed: Allowed = any_at_all) -> list[str]:
    return affordable(
        order, quote(order, TABLE), TABLE, remaining_micros=remaining, allowed=allowed
    )


def article(model: str, resolution: str) -> bool:
    return model in ARTICLE_MODELS


@pytest.mark.parametrize(
    ("remaining", "names"),
    [
        (40_200, [f"{FLASH}@1K", f"{FLASH}@0.5K", "gemini-2.5-flash-image"]),
        (40_199, [f"{FLASH}@0.5K", "gemini-2.5-flash-image"]),
        (23_399, []),
        (-1, []),
        (
            90_600,
            [f"{PRO}@1K", f"{PRO}@2K", f"{FLASH}@4K", f"{FLASH}@2K", f"{FLASH}@1K"],
        ),
    ],
)
def test_the_same_models_resolutions_come_first_then_others_dearest_first(
    remaining: int, names: list[str]
) -> None:
    assert fits(on_path(PRO, size="4K"), remaining, article) == names


def test_at_most_five_that_are_allowed_and_make_images() -> None:
    names = fits(on_path(PRO, size="4K"), 10**9)
    assert len(names) == 5
    assert not {name.partition("@")[0] for name in fits(on_path("veo3"), 400_000)} & {
        name for name, model in TABLE.models.items() if model.kind != "image"
    }
    assert fits(on_path(PRO), 10**9, lambda _, resolution: resolution == "4K")[0] == f"{PRO}@4K"


def test_as_many_images_are_counted_as_were_asked_for() -> None:
    order = on_path("kling-image-o1", n=4)
    names = fits(order, 60_000)
    assert "gpt-image-1-mini" not in names
    assert "flux-kontext-pro" not in names
    assert f"{FLASH}@1K" in names


def test_a_count_or_a_quality_that_the_order_does_not_use_is_no_obstacle() -> None:
    order = in_body(FLASH, n="many", quality="low", options=({"quality": "high"},))
    assert "flux-kontext-pro" in fits(order, 32_000)


def test_an_order_without_a_price_still_learns_what_fits() -> None:
    order = on_path("unheard-of")
    names = affordable(order, None, TABLE, remaining_micros=30_000, allowed=article)
    assert names == [f"{FLASH}@0.5K", "gemini-2.5-flash-image"]


FILMS = """[models.film]
kind = "video"
prices = { "720p" = { usd = "0.1" }, "1080p" = { usd = "0.2" } }
[models.other]
kind = "video"
prices = { any = { usd = "0.01" } }
[[models.drawn.rates]]
task = "text-to-image"
usd = "0.03"
[[models.drawn.rates]]
task = "image-to-image"
usd = "0.04"
"""


def test_a_film_may_be_a_smaller_film_or_a_picture() -> None:
    table = table_of(FILMS)
    order = on_path("film", size="1080p")
    names = affordable(
        order, quote(order, table), table, remaining_micros=150_000, allowed=any_at_all
    )
    assert names == ["film@720p", "drawn"]


def test_a_path_that_says_nothing_asks_for_a_picture_from_words() -> None:
    table = table_of(FILMS)
    for remaining, names in ((30_000, ["drawn"]), (29_999, [])):
        told = affordable(
            Order("path", ()), None, table, remaining_micros=remaining, allowed=any_at_all
        )
        assert told == names
