"""What a model is not sold as may cost ten times an image: it is refused, not guessed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pricing import Order, PriceUnknown, Unpriced, affordable, quote
from pricing.rates import TASKS, asks_for
from tests.pricing.tables import FLASH, TABLE, in_body, on_path, table_of

WORDS = (
    "text-to-video", "image-to-video", "reference-to-video", "video-to-video", "start-end-frame",
    "first-last-frame", "text-to-video-pro", "Text-To-Video", "text_to_video", "video", "videos",
    "video-edit", "lip-sync", "animate", "i2v", "t2v",
)  # fmt: skip
STRANGE = sorted(name for name, model in TABLE.names.items() if model.kind in ("image", "audio"))
OTHERS = sorted(name for name, model in TABLE.names.items() if model.kind in ("video", "tool"))


@pytest.mark.parametrize("word", WORDS)
def test_these_words_of_a_route_ask_for_video(word: str) -> None:
    assert asks_for(word) == "video"


STILL = [
    *TASKS, "video-to-image", "speech-to-text", "pro", "vidu", "generations", "reframe", "", "task",
]  # fmt: skip


@pytest.mark.parametrize("word", STILL)
def test_these_do_not(word: str) -> None:
    assert asks_for(word) == ""


@pytest.mark.parametrize(
    "order",
    [
        on_path("viduq2", "text-to-video"),
        on_path("viduq2", "text-to-video", resolution="1080p"),
        on_path("viduq2", "image-to-video", references=1),
        on_path("viduq2", "reference-to-video", references=3),
        on_path("viduq2", "start-end-frame", references=2),
        on_path("wan-2.5", "text-to-video"),
        on_path("grok-imagine-image", "text-to-video"),
        in_body("vidu/viduq2", "videos"),
        in_body("vidu/viduq2", "videos", references=1),
        in_body("alibaba/wan-2.5", "videos"),
        in_body("google/gemini-3.1-flash-image", "videos"),
        in_body("google/nano-banana-2", "lip-sync"),
        Order("path", ("videos", "vidu", "viduq2")),
        Order("path", ("vidu", "viduq2", "text-to-video", "pro")),
        Order("path", ("vidu", "image-to-video", "viduq2")),
        Order("path", ("google", "nano-banana-2", "text-to-video")),
    ],
)
def test_video_of_a_model_that_is_sold_as_images_has_no_price(order: Order) -> None:
    with pytest.raises(PriceUnknown) as refused:
        quote(order, TABLE)
    assert "is sold as images; its price for video is not known" in str(refused.value)


def test_nor_has_video_of_a_model_that_is_sold_as_audio() -> None:
    with pytest.raises(PriceUnknown, match="is sold as audio; its price for video is not known"):
        quote(in_body("minimax/speech-02-hd", "videos"), TABLE)


@pytest.mark.parametrize(
    ("order", "made"),
    [
        (in_body("google/nano-banana-2", "3d"), "3d"),
        (in_body("google/nano-banana-2", "audio", "speech"), "audio"),
        (in_body("google/nano-banana-2", "audio", "voice-clone"), "audio"),
        (on_path("viduq2", "image-to-3d", references=1), "3d"),
        (on_path("viduq2", "Text_To_Audio"), "audio"),
        (Order("path", ("audio", "vidu", "viduq2")), "audio"),
    ],
)
def test_nor_is_a_picture_s_price_that_of_a_sound_or_a_body(order: Order, made: str) -> None:
    with pytest.raises(PriceUnknown, match=f"is sold as images; its price for {made} is not known"):
        quote(order, TABLE)


def test_sound_of_a_model_that_is_sold_as_audio_has_its_price() -> None:
    model = TABLE.names["speech-02-hd"]
    for order in (in_body("minimax/speech-02-hd", "audio", "speech"),
                  on_path("speech-02-hd", "text-to-speech")):  # fmt: skip
        assert quote(order, TABLE).price_micros == model.rates[0].usd_micros
    with pytest.raises(PriceUnknown, match="is sold as audio; its price for 3d is not known"):
        quote(in_body("minimax/speech-02-hd", "3d"), TABLE)


WORD = st.sampled_from(WORDS)
COUNT = st.integers(0, 9)


@given(st.sampled_from(STRANGE), WORD, COUNT, st.sampled_from([None, "1080p", "4K", "auto"]))
def test_no_name_size_or_reference_gets_video_for_a_picture(
    name: str, word: str, references: int, size: str | None
) -> None:
    asked = {"references": references, "size": size, "resolution": size}
    for order in (
        on_path(name, word, **asked),
        Order("path", (word, *on_path(name, "").segments), **asked),
        in_body(name, "videos", **asked),
    ):
        with pytest.raises(PriceUnknown, match="its price for video is not known"):
            quote(order, TABLE)


@given(st.sampled_from(OTHERS), WORD, COUNT)
def test_what_is_sold_as_video_or_as_a_tool_costs_what_it_did(
    name: str, word: str, references: int
) -> None:
    model = TABLE.names[name]
    dearest = max(rate.usd_micros for rate in model.rates)
    for order in (
        on_path(name, word, references=references),
        in_body(name, "videos", references=references),
        in_body(name, "contents", "generations", "tasks", references=references),
    ):
        assert quote(order, TABLE).price_micros == dearest


@given(st.sampled_from(STRANGE), st.sampled_from([*TASKS, "pro", "a-task-of-tomorrow"]))
def test_every_other_word_still_has_a_price(name: str, word: str) -> None:
    assert quote(on_path(name, word, references=1), TABLE).price_micros > 0


SOLD_BOTH_WAYS = """[[models.both.rates]]
resolution = "1080p"
usd = "0.03"
[[models.both.rates]]
resolution = "1080p"
task = "text-to-video"
usd = "0.5"
[[models.both.rates]]
resolution = "4K"
usd = "0.9"
[models."still-video".prices]
any = { usd = "0.01" }
"""


def test_a_rate_bound_to_the_very_task_is_the_price_of_video() -> None:
    table = table_of(SOLD_BOTH_WAYS)
    for order in (on_path("both", "text-to-video", size="1080p"), in_body("both", "videos")):
        priced = quote(order._replace(size="1080p"), table)
        assert (priced.task, priced.unit_micros) == ("text-to-video", 500_000)
    assert quote(on_path("both", size="1080p"), table).unit_micros == 30_000


@pytest.mark.parametrize(
    ("task", "size"),
    [("text-to-video", "4K"), ("text-to-video", None), ("image-to-video", "1080p")],
)
def test_no_other_rate_of_the_model_is(task: str, size: str | None) -> None:
    with pytest.raises(PriceUnknown, match="is sold as images"):
        quote(on_path("both", task, size=size), table_of(SOLD_BOTH_WAYS))


def test_a_name_that_speaks_of_video_asks_for_none() -> None:
    table = table_of(SOLD_BOTH_WAYS)
    for order in (on_path("still-video"), on_path("still-video", ""), in_body("still-video")):
        assert quote(order, table).unit_micros == 10_000


def test_a_model_that_passes_unpriced_does_so_with_video_too() -> None:
    table = table_of('[models.old]\nunpriced = "relay"\nprices = { any = { usd = "0.5" } }')
    with pytest.raises(Unpriced):
        quote(on_path("old", "text-to-video"), table)


def test_a_seedance_task_is_read_as_it_was() -> None:
    order = in_body("seedream-4-5-251128", "contents", "generations", "tasks")
    assert quote(order, TABLE).price_micros == 34_000


def test_no_picture_is_offered_for_a_video_that_does_not_fit() -> None:
    order = on_path("veo3.1", "text-to-video")
    told = affordable(
        order, quote(order, TABLE), TABLE, remaining_micros=400_000, allowed=lambda *_: True
    )
    assert told == []
    drawn = affordable(
        on_path(FLASH), None, TABLE, remaining_micros=400_000, allowed=lambda *_: True
    )
    assert len(drawn) == 5
