"""Bodies that are one JSON object, and what they order: sizes, counts, references, models."""

from collections.abc import Iterator

from tests.hardening.bodies.document import (
    FLASH,
    FOUR,
    HALF,
    IMAGES,
    KLING,
    NOT_UNDERSTOOD,
    ONE,
    RUN,
    SEEDREAM,
    TWO,
    UNKNOWN,
    VIDU,
    Document,
    holding,
    made,
)

NO_SIZE = ("null", '""', '"1:1"', '"16:9"', '"21:9"', '"2.35:1"', '"4:3"')
SIZES = {
    HALF: (
        '"0.5K"',
        '"0.5k"',
        '"512"',
        '"512px"',
        '"512PX"',
        '"512x512"',
        '"512*512"',
        '"640x360"',
    ),
    ONE: (*NO_SIZE, '"1K"', '"1k"', '"1024x1024"', '"1024*1024"', '"1024X1024"', '"\\u0031K"'),
    TWO: ('"2K"', '"2k"', '"2048x2048"', '"1536x1024"', '"2048*1152"'),
    FOUR: ('"4K"', '"4k"', '"4096x4096"', '"3840x2160"'),
}
# Nothing that is sold: the dearest, and marked as assumed.
UNSOLD = (
    *('"auto"', '"AUTO"', '"adaptive"', '"8K"', '"3K"', '"1K "', '" 1K"', '"1K\\u0000"', '"1KK"'),
    *(
        '"1\\u212a"',
        '"\\uff11K"',
        '"1024"',
        '"1024x"',
        '"x1024"',
        '"0x0"',
        '"-1x1024"',
        '"1e3x1e3"',
    ),
    *(
        '"9999x9999"',
        '"1024x1024x1"',
        '"1024\u00d71024"',
        '"large"',
        '"1K,4K"',
        '"default"',
        '"null"',
    ),
    *(
        "1",
        "1024",
        "0",
        "-1",
        "4.0",
        "1e400",
        "true",
        "false",
        "[]",
        '["1K"]',
        "{}",
        '{"size": "1K"}',
    ),
)


def sizes() -> Iterator[Document]:
    for price, values in SIZES.items():
        for member in ("size", "resolution"):
            yield from made("a size", FLASH, price, holding(member, values))
    for member in ("size", "resolution"):
        yield from made("a size that is not sold", FLASH, FOUR, holding(member, UNSOLD))
    both = {
        TWO: ('"size": "2K", "resolution": "4K"', '"resolution": "4K", "size": "2K"'),
        FOUR: ('"size": null, "resolution": "4K"', '"size": "16:9", "resolution": "4K"'),
        ONE: ('"size": "1K", "resolution": "nonsense"', '"meta": {"size": "4K"}'),
    }
    for price, members in both.items():
        yield from made("size and resolution", FLASH, price, (f"{{{each}}}" for each in members))
    for price, body in (
        ("0.081000", "{}"),
        ("0.040500", '{"size": "1K"}'),
        ("0.081000", '{"size": "9K"}'),
    ):
        yield from made("another default", SEEDREAM, price, [body])


# How many

COUNTS = {str(n): f"0.{22_400 * n:06d}" for n in range(1, 11)}
NO_COUNT = (
    *("0", "-0", "-1", "11", "100", "1.0", "1e0", "1E1", "4.9", "true", "false", "[]", "[1]", "{}"),
    *('""', '"0"', '"01"', '"+1"', '" 1"', '"1 "', '"1.0"', '"1e1"', '"11"', '"one"', '"\\u0663"'),
    *("9007199254740993", "18446744073709551617", "1e400", "-1e400", "0.1", "1" + "0" * 400),
    *('"\\uff11"', '"1\\u0000"', '"null"', '"0x1"', '"1_0"', '"²"', '"-1"'),
)


def counts() -> Iterator[Document]:
    for member in ("n", "num_images"):
        for n, price in COUNTS.items():
            yield from made("a count", KLING, price, holding(member, (n, f'"{n}"')))
        yield from made("no count", KLING, RUN, holding(member, ("null",)))
        yield from made("a count out of range", KLING, NOT_UNDERSTOOD, holding(member, NO_COUNT))
    yield from made(
        "a count that is not read", FLASH, ONE, holding("n", ("3", "0", '"x"', "1e400"))
    )
    yield from made("two counts", KLING, COUNTS["2"], ['{"n": 2, "num_images": "2"}'])
    yield from made("two counts", KLING, NOT_UNDERSTOOD, ['{"n": 2, "num_images": 3}'])


# References, models, provider options


def models() -> Iterator[Document]:
    for price, images in (
        ("0.032000", '["a"]'),
        ("0.040000", '["a","b","c","d"]'),
        ("0.032000", '"a"'),
    ):
        yield from made("references", VIDU, price, holding("images", (images,), before=""))
    flash = "gemini-3.1-flash-image-preview"
    agreeing = ("null", '""', f'"{flash}"', f'"google/{flash}"', '"google/nano-banana-2"')
    yield from made("a model beside the path's", FLASH, ONE, holding("model", agreeing))
    other = ('"gemini-3-pro-image-preview"', '"gpt-image-2"', '"nobody"', "1", "[]", "{}", "true")
    yield from made("a model beside the path's", FLASH, NOT_UNDERSTOOD, holding("model", other))
    named = (f'"{flash}"', f'"google/{flash}"', f'"any/where/{flash}"', '"google/nano-banana-2"')
    yield from made("a model in the body", IMAGES, ONE, holding("model", named))
    unknown = ("null", '""', '"nobody"', f'"{flash} "', f'"{flash.upper()}"', f'"{flash}\\u0000"')
    yield from made("a model in the body", IMAGES, UNKNOWN, [*holding("model", unknown), "{}"])
    yield from made(
        "a model in the body", IMAGES, NOT_UNDERSTOOD, holding("model", ("1", "[]", "{}"))
    )
    kling = '"model": "kling/kling-image-o1", '
    options = '{"options": {"kling": {"parameters": %s}}}'
    nested = {COUNTS["4"]: '{"n": 4}', RUN: '{"seed": 4}', NOT_UNDERSTOOD: '{"n": 1, "n": 4}'}
    for outcome, each in nested.items():
        yield from made(
            "provider options",
            IMAGES,
            outcome,
            holding("provider", (options % each,), before=kling),
        )
    odd = ("[1]", '{"options": [1]}', options % "[1]", options % '{"model": "gpt-image-2"}')
    yield from made(
        "provider options", IMAGES, NOT_UNDERSTOOD, holding("provider", odd, before=kling)
    )
    vidu = '"model": "vidu/viduq2", '
    seven = options % '{"images": ["a", "a", "a", "a", "a", "a", "a"]}'
    for outcome, before in (("0.040000", vidu), (NOT_UNDERSTOOD, f'"images": ["a"], {vidu}')):
        yield from made(
            "provider options", IMAGES, outcome, holding("provider", (seven,), before=before)
        )
    clash = f'"n": 2, {kling}'
    yield from made(
        "provider options",
        IMAGES,
        NOT_UNDERSTOOD,
        holding("provider", (options % '{"n": 4}',), before=clash),
    )
