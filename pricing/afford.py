"""What would still fit in what remains of a budget.

Of the same model every resolution is an offer. Another model is one only if it makes images and
neither its name nor its kind says that it cannot do what the order does, as tabled in `AIMS`. Each
of them is first offered once, at its dearest resolution that fits, so that one that sells many does
not crowd out the rest; only then is what is left of the five filled with more of theirs.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Final, NamedTuple

from pricing.errors import NotUnderstood
from pricing.order import Order, requested_n
from pricing.quote import Quote, price_at, task_of
from pricing.rates import TASKS, Found
from pricing.resolution import ANY
from pricing.table import Model, PriceTable

AFFORDABLE_MAX = 5
DRAW, EDIT = "draw", "edit"
AIMS: Final = {
    "generate": DRAW,
    "edit": EDIT,
    "remix": EDIT,
    "expand": "expand",
    "inpaint": "inpaint",
    "outpaint": "expand",
    "reframe": "expand",
    "remove": "remove",
    "remover": "remove",
    "replace": "replace",
    "upscale": "upscale",
    "upscaler": "upscale",
    "zoom": "upscale",
}
"""Words of a model's id that say what it is for; a model without one draws and edits.

An order's aim is its own model's where that is named so and does not draw, else to edit where its
task is image-to-image, else to draw.
"""

Allowed = Callable[[str, str], bool]
"""Whether a key may use this model at this resolution."""


class Offer(NamedTuple):
    """An order like the one that was refused, at its price."""

    micros: int
    name: str
    model: str


def affordable(
    order: Order,
    quote: Quote | None,
    table: PriceTable,
    *,
    remaining_micros: int,
    allowed: Allowed,
) -> list[str]:
    """Name at most five orders like this one that fit: `model@resolution`, or a flat `model`.

    The same model's resolutions come first, then other image models that may do it, each dearest
    first; as many images are asked for as in the order. `quote` is None where the order itself has
    no price.
    """
    wanted = table.models.get(quote.model) if quote else None
    aim = "" if wanted and wanted.kind == "tool" else _aim(order, quote)
    own: list[Offer] = []
    others: list[Offer] = []
    for model in table.models.values():
        if model is wanted or may_do(model, aim):
            found = own if model is wanted else others
            offers = _offers(model, order, _images(model, order, quote), allowed)
            found.extend(each for each in offers if each.micros <= remaining_micros)
    ranked = _dearest_first(own)[:AFFORDABLE_MAX]
    chosen = _varied(_dearest_first(others), AFFORDABLE_MAX - len(ranked))
    return [each.name for each in (*ranked, *_dearest_first(chosen))]


def may_do(model: Model, aim: str) -> bool:
    """Say whether a model makes images, and its name does not say that it is for something else."""
    made_for = aim_of(model.id)
    return model.kind == "image" and (aim == made_for if made_for else aim in (DRAW, EDIT))


def aim_of(model_id: str) -> str:
    """Read what a model is for from its id; empty where that says nothing."""
    return next((AIMS[word] for word in model_id.lower().split("-") if word in AIMS), "")


def _aim(order: Order, quote: Quote | None) -> str:
    own = aim_of(quote.model) if quote else ""
    if own not in ("", DRAW):
        return own
    task = TASKS.get(quote.task if quote else (order.segments or ("",))[-1])
    edits = bool(order.references) if task is None else task == "image-to-image"
    return EDIT if edits else DRAW


def _varied(ranked: list[Offer], count: int) -> list[Offer]:
    """Choose some offers, dearest first: one of each model, then more of theirs."""
    first = {each.model: each for each in reversed(ranked)}.values()
    rest = [each for each in ranked if each not in first]
    return [*_dearest_first(first), *rest][:count]


def _dearest_first(offers: Iterable[Offer]) -> list[Offer]:
    return sorted(offers, key=lambda offer: -offer.micros)


def _offers(model: Model, order: Order, images: int, allowed: Allowed) -> Iterator[Offer]:
    task = task_of(order, model, "")
    for resolution in model.resolutions:
        found = _found(model, resolution, order, task)
        if found is not None and allowed(model.id, resolution):
            name = model.id if resolution == ANY else f"{model.id}@{resolution}"
            yield Offer(found.rate.usd_micros * images, name, model.id)


def _found(model: Model, resolution: str, order: Order, task: str) -> Found | None:
    try:
        return price_at(model, resolution, order, task)
    except NotUnderstood:  # a quality in two ways, which the order's own model does not read
        return None


def _images(model: Model, order: Order, quote: Quote | None) -> int:
    if quote is not None and quote.model == model.id:
        return quote.images
    if model.images != "n":
        return 1
    try:
        return requested_n(order)
    except NotUnderstood:  # only where the order's own model does not read it
        return 1
