from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from pricing import (
    NoTable,
    NotUnderstood,
    Order,
    PriceBook,
    PriceUnknown,
    Unpriced,
    quote,
    requested_n,
    sold,
)
from tests.pricing.tables import (
    ARTICLE,
    BOOK,
    FLASH,
    PRO,
    TABLE,
    in_body,
    on_path,
    priced,
    table_of,
)

N_MODEL = "flux-kontext-pro"


@pytest.mark.parametrize(
    ("segments", "model"),
    [
        (("google", FLASH, "text-to-image"), FLASH),
        (("anyone", FLASH, "a-task-of-tomorrow"), FLASH),
        (("google", FLASH), FLASH),
        (("openai", "reverse", PRO, "image-edit"), PRO),
        (("google", FLASH, FLASH), FLASH),
        (("x", "nano-banana-2", "edit"), FLASH),
        (("minimax", "hailuo-02", "pro"), "hailuo-02-pro"),
        (("other", "hailuo-02", "pro"), "hailuo-02-pro"),
    ],
)
def test_the_path_names_the_model_after_its_vendor(segments: tuple[str, ...], model: str) -> None:
    assert quote(Order("path", segments), TABLE).model == model


LONG_NAMES = """[models."lab/tool".prices]
any = { usd = "1" }
[models."a/b/c"]
aliases = ["x/y/z"]
prices = { any = { usd = "2" } }
[models.plain.prices]
any = { usd = "3" }
"""


@pytest.mark.parametrize(
    ("segments", "called"),
    [
        (("lab", "tool"), "lab/tool"),
        (("lab", "tool", "edit"), "lab/tool"),
        (("vendor", "lab", "tool", "edit"), "lab/tool"),
        (("a", "b", "c", "edit"), "a/b/c"),
        (("vendor", "x", "y", "z", "edit"), "y/z"),
        (("vendor", "y", "z", "edit"), "y/z"),
        (("vendor", "plain", "edit"), "plain"),
    ],
)
def test_a_name_with_slashes_stands_anywhere_in_the_path(
    segments: tuple[str, ...], called: str
) -> None:
    assert quote(Order("path", segments), table_of(LONG_NAMES)).called == called


@pytest.mark.parametrize(
    ("segments", "nearest"),
    [
        (("google", "gemini-3.1-flash-image-previe", "text-to-image"), FLASH),
        (("google", "Gemini-3.1-flash-image-preview", "text-to-image"), FLASH),
        (("google", FLASH + "-v2", "text-to-image"), FLASH),
        (("google", FLASH.upper(), "text-to-image"), FLASH),
        (("openai", "reverse", "sora-2-pro", "image-to-video"), "hailuo-02-pro"),
        (("google", "nonsense", "text-to-image"), "qwen-image"),
        ((FLASH,), FLASH),
        ((FLASH, "text-to-image"), FLASH),
        ((), None),
        (("google", "veo3-fst", "text-to-image"), "veo3-fast"),
        (("minimax", "hailuo-02"), "hailuo-02-pro"),
    ],
)
def test_a_name_is_never_taken_for_another_that_is_like_it(
    segments: tuple[str, ...], nearest: str | None
) -> None:
    with pytest.raises(PriceUnknown) as refused:
        quote(Order("path", segments), TABLE)
    assert refused.value.nearest == nearest
    why = "stands in the path without a vendor" if FLASH in segments else "is not in the table"
    why = why if segments else "the path names no model"
    assert why in str(refused.value)


def test_two_models_in_one_path_are_not_understood() -> None:
    with pytest.raises(NotUnderstood, match=f"path: .*{PRO} and {FLASH}"):
        quote(Order("path", ("google", FLASH, PRO)), TABLE)


@pytest.mark.parametrize(
    "name", [None, "", FLASH, f"google/{FLASH}", f"a/b/{FLASH}", "nano-banana-2"]
)
def test_a_body_may_repeat_the_model_of_the_path(name: Any) -> None:
    assert quote(on_path(FLASH, model=name), TABLE).model == FLASH


@pytest.mark.parametrize("name", [PRO, f"google/{PRO}", "unheard-of", f"{FLASH}/x", 5, ["x"], True])
def test_a_body_that_contradicts_the_path_is_not_understood(name: Any) -> None:
    with pytest.raises(NotUnderstood) as refused:
        quote(on_path(FLASH, model=name), TABLE)
    assert refused.value.member == "model"


@pytest.mark.parametrize(
    ("name", "segments", "model", "called"),
    [
        (FLASH, ("images",), FLASH, FLASH),
        (f"google/{FLASH}", ("images",), FLASH, FLASH),
        (f"anyone/at/all/{FLASH}", ("images",), FLASH, FLASH),
        ("google/nano-banana-2", ("images",), FLASH, "google/nano-banana-2"),
        ("elsewhere/nano-banana-2", ("images",), FLASH, "nano-banana-2"),
        ("minimax/hailuo-02/pro", ("videos",), "hailuo-02-pro", "minimax/hailuo-02/pro"),
        ("seedream-4-5-251128", ("images", "generations"), "seedream-4-5-251128", None),
        ("image-zoom", ("images", "edit"), "image-zoom", "image-zoom"),
        (None, ("image-upscaler",), "image-upscaler", "image-upscaler"),
        ("", ("image-upscaler",), "image-upscaler", "image-upscaler"),
        ("image-zoom", ("image-upscaler",), "image-zoom", "image-zoom"),
    ],
)
def test_the_body_names_the_model_on_the_unified_surface(
    name: Any, segments: tuple[str, ...], model: str, called: str | None
) -> None:
    found = quote(in_body(name, *segments), TABLE)
    assert (found.model, found.called) == (model, called or model)


@pytest.mark.parametrize(
    ("name", "nearest"),
    [("google/gemini-3-pro-image-previw", PRO), (FLASH + "/", None), (None, None), ("", None)],
)
def test_an_unknown_model_in_the_body_has_no_price(name: Any, nearest: str | None) -> None:
    with pytest.raises(PriceUnknown) as refused:
        quote(in_body(name), TABLE)
    assert refused.value.nearest == nearest
    assert (str(refused.value) == "the body names no model") == (nearest is None)


@pytest.mark.parametrize("name", ["dall-e-3", "foo", "sd", "x"])
@pytest.mark.parametrize(
    ("route", "kind"),
    [("images", "image"), ("text-to-image", "image"), ("videos", "video"), ("speech", "audio")],
)
def test_a_strange_name_is_answered_with_a_model_of_what_was_asked_for(
    name: str, route: str, kind: str
) -> None:
    for order in (in_body(name, route), on_path(name, route)):
        with pytest.raises(PriceUnknown) as refused:
            quote(order, TABLE)
        assert TABLE.models[refused.value.nearest or ""].kind == kind


@pytest.mark.parametrize("name", [5, True, ["x"], {"a": 1}])
def test_a_model_that_is_no_string_is_not_understood(name: Any) -> None:
    with pytest.raises(NotUnderstood, match=r"^model: "):
        quote(in_body(name), TABLE)


def test_a_name_of_any_length_and_make_is_refused_in_a_short_printable_message() -> None:
    with pytest.raises(PriceUnknown) as refused:
        quote(in_body("\ud800" * 10**5), TABLE)
    assert len(str(refused.value).encode()) < 1000


@pytest.mark.parametrize(
    ("order", "task"),
    [
        (on_path(FLASH, "image-edit"), "image-edit"),
        (on_path(FLASH, ""), "text-to-image"),
        (on_path(FLASH, "", references=2), "image-to-image"),
        (on_path("veo3.1", "", references=1), "image-to-video"),
        (in_body(FLASH), "text-to-image"),
        (in_body(FLASH, references=2), "image-to-image"),
        (in_body("veo3", "videos"), "text-to-video"),
        (in_body("seedream-4-5-251128", "images", "generations"), "text-to-image"),
        (in_body("speech-02-hd", "audio", "speech"), "speech"),
        (in_body("image-zoom", "images", "edit"), "edit"),
        (in_body("seedream-4-5-251128", "contents", "generations", "tasks"), "text-to-image"),
        (Order("path", ("minimax", "hailuo-02", "pro")), "text-to-video"),
        (Order("path", ("vendor", "hailuo-02", "pro"), references=1), "image-to-video"),
    ],
)
def test_the_task_is_the_last_word_or_what_the_references_say(order: Order, task: str) -> None:
    assert quote(order, TABLE).task == task


@pytest.mark.parametrize(
    ("asked", "images"),
    [
        *(({"n": n}, n) for n in (1, 2, 10)),
        *(({"n": str(n)}, n) for n in (1, 7, 10)),
        ({}, 1),
        ({"num_images": 3}, 3),
        ({"n": 3, "num_images": "3"}, 3),
        ({"options": ({"n": 4},)}, 4),
        ({"n": 4, "options": ({"n": 4}, {"num_images": "4"}, {})}, 4),
    ],
)
def test_as_many_images_are_reserved_as_are_asked_for(asked: dict[str, Any], images: int) -> None:
    order = on_path(N_MODEL, **asked)
    found = quote(order, TABLE)
    assert requested_n(order) == found.images == images
    assert found.price_micros == 32_000 * images


BAD_N = [0, -1, 11, 10**9, True, False, 1.0, 2.5, float("inf"), "", "0", "01", "11", "2.0", " 2"]
BAD_N += ["٣", "²", "two", [], [2], {}]


@pytest.mark.parametrize("member", ["n", "num_images"])
@pytest.mark.parametrize("n", BAD_N, ids=repr)
def test_a_count_that_is_no_whole_number_from_1_to_10_is_not_understood(
    member: str, n: Any
) -> None:
    with pytest.raises(NotUnderstood) as refused:
        priced(N_MODEL, **{member: n})
    assert refused.value.member == member


@pytest.mark.parametrize(
    "asked",
    [
        {"n": 1, "num_images": 2},
        {"n": 1, "options": ({"n": 4},)},
        {"options": ({"n": 1}, {"n": 2})},
    ],
)
def test_counts_that_differ_are_not_understood(asked: dict[str, Any]) -> None:
    with pytest.raises(NotUnderstood, match="n: "):
        priced(N_MODEL, **asked)


@pytest.mark.parametrize("model", [FLASH, "midjourney", "veo3", "image-zoom"])
@pytest.mark.parametrize("n", [4, *BAD_N], ids=repr)
def test_a_count_is_not_read_where_it_moves_no_price(model: str, n: Any) -> None:
    found = priced(model, n=n, num_images=3)
    assert (found.images, found.price_micros) == (1, found.unit_micros)


@pytest.mark.parametrize(
    ("asked", "nested", "resolution"),
    [
        (None, "4K", "4K"),
        ("", "4K", "4K"),
        ("4K", "4K", "4K"),
        ("4K", None, "4K"),
        ("4K", "", "4K"),
        (None, None, "1K"),
    ],
)
def test_provider_options_may_say_what_the_body_does_not(
    asked: dict[str, Any], nested: object, resolution: str
) -> None:
    order = in_body(FLASH, size=asked, options=({"size": nested}, {}))
    assert quote(order, TABLE).resolution == resolution


@pytest.mark.parametrize("member", ["n", "num_images"])
def test_provider_options_may_say_how_many(member: str) -> None:
    order = in_body(N_MODEL, options=({}, {member: 3}))
    assert quote(order, TABLE).images == 3
    with pytest.raises(NotUnderstood, match="n: "):
        quote(in_body(N_MODEL, n=2, options=({member: 3},)), TABLE)


def test_provider_options_that_contradict_the_body_are_not_understood() -> None:
    for size in ("1K", "x"):
        order = in_body(FLASH, size=size, options=({"size": "4K"},))
        with pytest.raises(NotUnderstood, match="size"):
            quote(order, TABLE)
    flat = in_body("gemini-2.5-flash-image", size="1K", options=({"size": "4K"},))
    assert quote(flat, TABLE).resolution == "any"


@pytest.mark.parametrize(
    ("model", "n", "outputs", "told"),
    [
        (FLASH, None, 0, (1, 40_200)),
        (FLASH, None, 1, (1, 40_200)),
        (FLASH, 4, 3, (3, 120_600)),
        (N_MODEL, 4, 0, (4, 128_000)),
        (N_MODEL, 4, 1, (1, 32_000)),
        (N_MODEL, 4, 2, (2, 64_000)),
        (N_MODEL, 4, 6, (6, 192_000)),
        ("midjourney", 4, 4, (1, 60_840)),
        ("midjourney", 4, 0, (1, 60_840)),
        ("veo3", None, 2, (1, 480_000)),
    ],
)
def test_a_completion_is_sold_by_its_outputs_but_a_run_as_a_whole(
    model: str, n: Any, outputs: int, told: Any
) -> None:
    assert sold(priced(model, n=n), outputs) == told


def test_a_model_seen_selling_more_than_one_is_reserved_as_many_as_asked() -> None:
    found = priced(FLASH, n=4).counting_n(4)
    assert (found.images_mode, found.price_micros, sold(found, 2)) == ("n", 160_800, (2, 80_400))


@pytest.mark.parametrize(("n", "mode", "images"), [(None, "run", 1), (1, "run", 1), (3, "n", 3)])
def test_a_sequence_of_seedream_is_one_run_unless_more_are_asked_for(
    n: Any, mode: str, images: int
) -> None:
    found = priced("seedream-4-5-251128", n=n, sequence=True)
    assert (found.images_mode, found.images) == (mode, images)
    assert priced("seedream-4-5-251128", n=n).images_mode == "n"
    assert priced("kling-image-o1", sequence=True).images_mode == "n"


RELAYED = '[models.old]\nunpriced = "relay"\ncomplete = false\n'


def test_a_model_may_pass_unpriced_where_the_table_says_so() -> None:
    table = table_of(RELAYED + '[models.old.prices]\n"1K" = { usd = "0.5" }')
    assert quote(on_path("old", size="1K"), table).price_micros == 500_000
    with pytest.raises(Unpriced, match="old"):
        quote(on_path("old", size="2K"), table)
    with pytest.raises(Unpriced):
        quote(on_path("old"), table_of(RELAYED))


HALF = """[models.hup]
complete = false
[models.hup.prices]
"1K" = { usd = "0.1" }
"2K" = { usd = "0.2" }
[[models.t.rates]]
resolution = "1K"
task = "edit"
usd = "0.1"
[[models.q.rates]]
task = "edit"
quality = "low"
usd = "0.1"
[models.q]
complete = false
[models.t]
complete = false
"""
ONLY = "in version t, only at 1K, 2K"


@pytest.mark.parametrize(
    ("order", "why"),
    [
        (on_path("hup", size="4K"), f"has no price at '4K' {ONLY}"),
        (on_path("hup", size="16:9", resolution="8k"), f"has no price at '8k' {ONLY}"),
        (on_path("hup", size="auto", resolution="1K"), f"has no price at 'auto' {ONLY}"),
        (in_body("hup", options=({"size": "4K"},)), f"has no price at '4K' {ONLY}"),
        (on_path("hup"), f"has no price without a size {ONLY}"),
        (on_path("hup", size="", resolution="1:1"), f"has no price without a size {ONLY}"),
        (on_path("hup", size=1024), f"has no price at a size that is no text {ONLY}"),
        (on_path("hup", size="\x1b\ud800" * 99), rf"at '{chr(92)}x1b{chr(92)}ud800"),
        (on_path("t", size="1K"), "has no price for 'text-to-image' at 1K in version t"),
        (on_path("q", "edit", quality="hd"), "for 'edit' in quality 'hd' in version t"),
        (on_path("q", "text-to-image"), "has no price for 'text-to-image' in version t"),
    ],
)
def test_a_known_model_is_told_what_has_no_price(order: Order, why: str) -> None:
    with pytest.raises(PriceUnknown) as refused:
        quote(order, table_of(HALF))
    told = refused.value
    assert why in told.why
    assert told.why.isascii()
    assert told.why.isprintable()
    assert len(told.why) < 512
    assert told.nearest == told.model
    assert str(told) == f"{told.model} {told.why}"


def test_a_model_known_without_a_price_is_named_once() -> None:
    with pytest.raises(PriceUnknown) as refused:
        quote(on_path("bare"), table_of("[models.bare]\ncomplete = false"))
    assert str(refused.value).count("bare") == 1


@pytest.mark.parametrize(
    ("status", "named", "nicknamed"),
    [("published", "published", "derived"), ("estimated", "estimated", "estimated")],
)
def test_a_nickname_makes_a_published_price_a_derived_one(
    status: str, named: str, nicknamed: str
) -> None:
    table = table_of(
        f'[models.m]\naliases = ["nick"]\nprices = {{ any = {{ usd = "1", status = "{status}" }} }}'
    )
    assert quote(on_path("m"), table).status == named
    assert quote(on_path("nick"), table).status == nicknamed


def test_a_free_model_costs_nothing() -> None:
    table = table_of('[models.gift.prices]\nany = { usd = "0", status = "free" }')
    found = quote(on_path("gift"), table)
    assert (found.price_micros, found.status) == (0, "free")


QUALITIES = """[[models.q.rates]]
quality = "low"
usd = "0.1"
[[models.q.rates]]
quality = "High"
usd = "0.4"
"""


@pytest.mark.parametrize(
    ("quality", "micros", "assumed"),
    [
        ("low", 100_000, False),
        ("LOW", 100_000, False),
        ("high", 400_000, False),
        *((value, 400_000, True) for value in (None, "", "auto", "AUTO", "hd", 3, [], "lo\u212a")),
    ],
)
def test_a_quality_left_open_costs_the_dearest(quality: object, micros: int, assumed: bool) -> None:
    found = quote(on_path("q", quality=quality), table_of(QUALITIES))
    assert (found.unit_micros, found.assumed) == (micros, assumed)


def test_a_quality_that_an_incomplete_model_does_not_name_has_no_price() -> None:
    table = table_of("[models.q]\ncomplete = false\n" + QUALITIES)
    assert quote(on_path("q"), table).unit_micros == 400_000
    with pytest.raises(PriceUnknown):
        quote(on_path("q", quality="hd"), table)


def test_qualities_that_contradict_each_other_are_not_understood() -> None:
    order = in_body("q", quality="low", options=({"quality": "high"},))
    with pytest.raises(NotUnderstood, match="quality"):
        quote(order, table_of(QUALITIES))


SPECIFIC = """[[models.s.rates]]
usd = "0.01"
[[models.s.rates]]
resolution = "1K"
usd = "0.02"
[[models.s.rates]]
resolution = "1K"
task = "image-edit"
usd = "0.03"
[[models.s.rates]]
resolution = "1K"
task = "image-edit"
references = "4+"
usd = "0.04"
"""


@pytest.mark.parametrize(
    ("task", "references", "size", "micros"),
    [
        ("text-to-image", 0, "2K", 10_000),
        ("text-to-image", 0, "1K", 20_000),
        ("image-edit", 1, "1K", 30_000),
        ("edit", 3, "1K", 30_000),
        ("edit", 4, "1K", 40_000),
        ("edit", 99, "1K", 40_000),
        ("edit", 0, "1K", 40_000),
        ("unheard-of", 4, "1K", 40_000),
        ("unheard-of", 4, "2K", 10_000),
    ],
)
def test_the_most_specific_rate_wins(task: str, references: int, size: object, micros: int) -> None:
    order = on_path("s", task, references=references, size=size)
    assert quote(order, table_of(SPECIFIC)).unit_micros == micros


TWO_TASKS = """[[models.t.rates]]
task = "edit"
usd = "0.1"
[[models.t.rates]]
task = "image-edit"
usd = "0.2"
"""


@pytest.mark.parametrize(
    ("task", "micros", "assumed"),
    [
        ("edit", 100_000, False),
        ("image-edit", 200_000, False),
        ("image-to-image", 200_000, True),
        ("text-to-image", 200_000, True),
    ],
)
def test_a_task_word_means_itself_first(task: str, micros: int, assumed: bool) -> None:
    found = quote(on_path("t", task, references=1), table_of(TWO_TASKS))
    assert (found.unit_micros, found.assumed) == (micros, assumed)


def test_a_price_outside_its_task_and_resolution_is_the_dearest_of_all() -> None:
    table = table_of(
        '[[models.u.rates]]\nresolution = "1K"\ntask = "edit"\nusd = "0.1"\n'
        '[[models.u.rates]]\nresolution = "2K"\ntask = "edit"\nreferences = "2"\nusd = "0.2"\n'
    )
    found = quote(on_path("u", "edit", size="2K", references=1), table)
    assert (found.unit_micros, found.assumed) == (200_000, True)


def test_the_version_in_force_is_the_latest_that_has_begun() -> None:
    start = TABLE.effective_from
    assert BOOK.at(start) is TABLE
    assert BOOK.at(start - timedelta(microseconds=1)) is ARTICLE
    assert BOOK.at(datetime(2030, 1, 1, tzinfo=UTC)) is TABLE
    assert BOOK.versions == (ARTICLE, TABLE)


def test_before_the_first_version_there_is_no_table() -> None:
    with pytest.raises(NoTable):
        BOOK.at(datetime(2020, 1, 1, tzinfo=UTC))
    with pytest.raises(NoTable, match="2020"):
        BOOK.version("2020-01-01")


def test_no_two_versions_share_a_name_or_a_first_instant() -> None:
    other = table_of(
        "complete = false", head='version = "2026-09-25"\neffective_from = 2020-01-01T00:00:00Z\n'
    )
    same = table_of(
        "complete = false", head='version = "x"\neffective_from = 2026-09-25T02:00:00+02:00\n'
    )
    with pytest.raises(ValueError, match="share a version"):
        PriceBook([TABLE, other])
    with pytest.raises(ValueError, match="effective_from"):
        PriceBook([TABLE, same])
