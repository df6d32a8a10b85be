"""What would still fit in what remains of a budget."""

from collections.abc import Callable, Iterator

from pricing.errors import NotUnderstood
from pricing.order import Order, requested_n
from pricing.quote import Quote, price_at, task_of
from pricing.rates import Found
from pricing.resolution import ANY
from pricing.table import Model, PriceTable

AFFORDABLE_MAX = 5

Allowed = Callable[[str, str], bool]
"""Whether a key may use this model at this resolution."""


def affordable(
    order: Order,
    quote: Quote | None,
    table: PriceTable,
    *,
    remaining_micros: int,
    allowed: Allowed,
) -> list[str]:
    """Name at most five orders like this one that fit: `model@resolution`, or a flat `model`.

    The same model's resolutions come first, then other image models, each dearest first; as many
    images are asked for as in the order. `quote` is None where the order itself has no price.
    """
    wanted = table.models.get(quote.model) if quote else None
    own: list[tuple[int, str]] = []
    others: list[tuple[int, str]] = []
    for model in table.models.values():
        if model is wanted or model.kind == "image":
            found = own if model is wanted else others
            found.extend(_offers(model, order, _images(model, order, quote), allowed))
    ranked = [*_dearest_first(own), *_dearest_first(others)]
    return [name for micros, name in ranked if micros <= remaining_micros][:AFFORDABLE_MAX]


def _dearest_first(offers: list[tuple[int, str]]) -> list[tuple[int, str]]:
    return sorted(offers, key=lambda offer: -offer[0])


def _offers(model: Model, order: Order, images: int, allowed: Allowed) -> Iterator[tuple[int, str]]:
    task = task_of(order, model, "")
    for resolution in model.resolutions:
        found = _found(model, resolution, order, task)
        if found is not None and allowed(model.id, resolution):
            name = model.id if resolution == ANY else f"{model.id}@{resolution}"
            yield found.rate.usd_micros * images, name


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
