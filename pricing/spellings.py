"""The reference page `docs/reference/prices.md`: what every spelling of a size costs.

Run `python -m pricing.spellings > docs/reference/prices.md` after a change of the tables.
"""

import sys
from collections.abc import Iterator

from pricing.load import BUNDLED, load_tables
from pricing.money import usd
from pricing.order import Order
from pricing.quote import quote
from pricing.rates import Rate
from pricing.review import Place, place_of
from pricing.table import PriceTable

SPELLINGS: tuple[tuple[str, object], ...] = (
    ("no size", None),
    ('`""`', ""),
    ("`1K`, `1k`", "1k"),
    ("`0.5K`, `0.5k`, `512`, `512px`", "512"),
    ("`2K`", "2K"),
    ("`4K`", "4K"),
    ("`1080p`", "1080p"),
    ("`512x512`", "512x512"),
    ("`1024x1024`, `1024*1024`", "1024*1024"),
    ("`1376x768`", "1376x768"),
    ("`1920x1080`", "1920x1080"),
    ("`2048x2048`", "2048x2048"),
    ("`2560x1440`", "2560x1440"),
    ("`3840x2160`", "3840x2160"),
    ("`4096x4096`", "4096x4096"),
    ("`8192x8192`", "8192x8192"),
    ("`16:9`", "16:9"),
    ("`auto`, `adaptive`", "auto"),
    ("`8K`, any other word", "8K"),
    ("`1024` as a number, `true`, a list, an object", 1024),
)
READERS = (
    "gemini-3.1-flash-image-preview",
    "gemini-3-pro-image-preview",
    "gemini-2.5-flash-image",
    "dola-seedream-5-0-pro-260628",
    "grok-imagine-image-2.0",
    "viduq2",
)
_HEAD = """# Prices

This page is generated from the bundled price tables by `python -m pricing.spellings`.

## What is read

- How many: `n` or `num_images`, a whole number from 1 to 10 or a string of its digits
  (`"01"` is none); left out it is 1. Both, or `provider.options.*.parameters` of the unified
  surface, must not differ. It is not read where a call is sold as one image or as one run.
- Quality and references: what is left out, `auto`, or no reference that is recognised in an edit,
  costs the dearest. References are counted in `images`, `image` and `input_references` together;
  where they also stand in `provider.options.*.parameters`, they must be the same ones.
- Model: exactly as below, with any vendor word; another name for one is priced as `derived`. A path
  in which some reader might find a second one is refused: in capitals, with blanks around it,
  beside an encoded slash, in the vendor's place. So is another one in the body or its options.
  `POST /api/v3/image-upscaler` without a `model` is the model of that name.
- `provider.options` says as much as the body's top under a slug of the model's own provider (such
  as `openai`, `google`, `bytedance` and `doubao`, `kling` and `kwaivgi`). What stands under another
  slug may be read by nobody: it makes a call dearer, never cheaper.
- What a model is not sold as has no price: of one that is sold as images, a route with a word such
  as `text-to-video`, `lip-sync`, `text-to-speech` or `image-to-3d`, and `POST /api/v3/videos`,
  `audio/speech` or `3d`, are refused, unless a rate of the model is bound to that very task.
- `sequential_image_generation` of a seedream model is one run, unless `n` asks for more than one.
  It too may stand in `provider.options.*.parameters`.

## What a spelling of a size costs

One text-to-image call at version {version}, in US dollars, with the resolution it is sold as. A
star marks a price that is assumed: the call asked for nothing that the model sells, so it costs
the dearest. The value stands in `size` or `resolution`, whichever the model reads.

"""


def page() -> str:
    """Print the whole page."""
    versions = load_tables(BUNDLED).versions
    head = _HEAD.format(version=versions[-1].version)
    tables = (line for table in reversed(versions) for line in _price_list(table))
    return head + "\n".join((*_spelling_table(versions[-1]), *tables)) + "\n"


def _spelling_table(table: PriceTable) -> Iterator[str]:
    yield _row("asked for", *(f"`{model}`" for model in READERS))
    yield _row(*("---" for _ in range(len(READERS) + 1)))
    for words, value in SPELLINGS:
        yield _row(words, *(cost(model, value, table) for model in READERS))


def cost(model: str, value: object, table: PriceTable) -> str:
    """Print what one call costs with this value as its size."""
    path = ("vendor", model, "text-to-image")
    found = quote(Order("path", path, size=value, resolution=value), table)
    star = "\\*" if found.assumed else ""
    return f"{usd(found.unit_micros)} ({found.resolution}){star}"


def _price_list(table: PriceTable) -> Iterator[str]:
    yield f"\n## Version {table.version}\n"
    whole = "every model it prices" if table.complete else "some prices only (`complete = false`)"
    yield f"In force from {table.effective_from.isoformat()}; {whole}. Source: {table.source}.\n"
    yield _row("model", "resolution", "for", "USD", "list, USD", "sold by", "status")
    yield _row(*("---" for _ in range(7)))
    for model in table.models.values():
        for rate in model.rates:
            yield _row(
                f"`{model.id}`",
                rate.resolution,
                ", ".join(_bonds(place_of(model, rate))),
                usd(rate.usd_micros),
                "" if rate.list_micros is None else usd(rate.list_micros),
                _SOLD[model.images],
                _status(rate),
            )


def _bonds(place: Place) -> Iterator[str]:
    if place.task:
        yield place.task
    if place.references:
        yield f"{place.references} references"
    if place.quality:
        yield f"{place.quality} quality"


_SOLD = {"one": "call of one image", "n": "image", "run": "run"}


def _status(rate: Rate) -> str:
    return f"{rate.status}: {rate.note}" if rate.note else rate.status


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    sys.stdout.write(page())
