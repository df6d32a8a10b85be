import pytest

from pricing import Order, affordable, quote
from pricing.afford import Allowed, aim_of
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
            [
                f"{PRO}@1K",
                f"{PRO}@2K",
                f"{FLASH}@4K",
                f"{FLASH}@2K",
                "gemini-2.5-flash-image",
            ],
        ),
    ],
)
def test_the_same_models_resolutions_come_first_then_others_dearest_first(
    remaining: int, names: list[str]
) -> None:
    assert fits(on_path(PRO, size="4K"), remaining, article) == names


def test_another_model_does_not_crowd_out_the_rest() -> None:
    names = fits(on_path(PRO, size="4K"), 50_000)
    assert names == [
        "ideogram-generate-v3",
        "grok-4-image",
        "grok-2-image",
        "dola-seedream-5-0-pro-260628@1K",
        f"{FLASH}@1K",
    ]


REMOVER = "image-background-remover"


@pytest.mark.parametrize(
    ("model", "aim"),
    [
        (FLASH, ""),
        ("qwen-image", ""),
        ("ideogram-generate-v3", "draw"),
        ("ideogram-edit-v3", "edit"),
        ("ideogram-remix-v3", "edit"),
        ("ideogram-reframe-v3", "expand"),
        ("ideogram-replace-background-v3", "replace"),
        ("image-upscaler", "upscale"),
        ("image-zoom", "upscale"),
        (REMOVER, "remove"),
        ("Some-Inpaint-2", "inpaint"),
        ("outpaint", "expand"),
        ("flux-expand", "expand"),
        ("remove-it", "remove"),
        ("upscale-4x", "upscale"),
        ("credited", ""),
    ],
)
def test_a_name_says_what_a_model_is_for(model: str, aim: str) -> None:
    assert aim_of(model) == aim


@pytest.mark.parametrize(
    ("order", "named", "others"),
    [
        pytest.param(on_path(PRO), {"generate"}, True, id="to draw"),
        pytest.param(on_path(PRO, "", references=1), {"edit", "remix"}, True, id="no task"),
        pytest.param(on_path(PRO, "image-edit"), {"edit", "remix"}, True, id="to edit"),
        pytest.param(in_body(PRO, references=2), {"edit", "remix"}, True, id="pictures to edit"),
        pytest.param(in_body(PRO), {"generate"}, True, id="no pictures"),
        pytest.param(on_path("ideogram-edit-v3"), {"remix"}, True, id="named to edit"),
        pytest.param(
            on_path("ideogram-generate-v3", "image-edit"),
            {"edit", "remix"},
            True,
            id="named to draw",
        ),
        pytest.param(on_path("ideogram-reframe-v3", "x"), set(), False, id="to reframe"),
        pytest.param(on_path("image-upscaler", "upscale"), set(), False, id="a tool"),
    ],
)
def test_models_that_cannot_do_it_by_their_name_are_left_out(
    order: Order, named: set[str], others: bool
) -> None:
    """Each family is asked alone, so that none hides behind the five that are named."""

    def family(model: str, _: str) -> bool:
        return model.startswith("ideogram")

    found = set(fits(order, 10**9, family)) - {quote(order, TABLE).model}
    assert found == {f"ideogram-{word}-v3" for word in named}
    assert bool(fits(order, 10**9, lambda model, _: model == "kling-image-o1")) is others


@pytest.mark.parametrize(
    ("order", "edits"),
    [
        (on_path("unheard-of"), False),
        (on_path("unheard-of", references=1), False),
        (on_path("unheard-of", "image-edit"), True),
        (on_path("unheard-of", ""), False),
        (on_path("unheard-of", "", references=1), True),
        (in_body("unheard-of", references=2), True),
        (in_body("unheard-of"), False),
    ],
)
def test_an_order_for_an_unknown_model_has_a_task_all_the_same(order: Order, edits: bool) -> None:
    def family(model: str, _: str) -> bool:
        return model in ("ideogram-generate-v3", "ideogram-edit-v3")

    told = affordable(order, None, TABLE, remaining_micros=10**9, allowed=family)
    assert told == [f"ideogram-{'edit' if edits else 'generate'}-v3"]


def test_a_tool_with_any_name_is_no_picture() -> None:
    table = table_of(FILMS.replace('kind = "video"', 'kind = "tool"'))
    order = on_path("film", "x", size="1080p")
    told = affordable(
        order, quote(order, table), table, remaining_micros=150_000, allowed=any_at_all
    )
    assert told == ["film@720p"]


def test_what_is_left_of_the_five_goes_to_more_of_the_same() -> None:
    names = fits(on_path(PRO, size="4K"), 60_600, lambda model, _: model == FLASH)
    assert names == [f"{FLASH}@2K", f"{FLASH}@1K", f"{FLASH}@0.5K"]


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
