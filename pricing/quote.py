"""From what was asked to what it costs: an order at one version of the table."""

from dataclasses import dataclass, field, replace

from pricing.errors import ABSENT, NotUnderstood, PriceUnknown, Unpriced
from pricing.money import Micros
from pricing.order import Order, requested_n
from pricing.rates import OTHER, Case, Found, asks_for
from pricing.resolution import ANY, Open
from pricing.table import ImagesMode, Model, PriceTable

QUOTED_MAX = 4096  # orders whose quotes a table keeps
_SPELT_MAX = 32  # characters of a caller's word that a refusal repeats


@dataclass(frozen=True, slots=True)
class Quote:
    """The price of an order at one version; later versions do not touch it.

    `called` is the name the order used, `unit_micros` the price of one image (of the whole run
    where `images_mode` is `run`), `assumed` marks a price the order left open. `sha256` is that of
    the table, as a version that priced nothing yet may be replaced.
    """

    model: str
    called: str
    resolution: str
    task: str
    images: int
    unit_micros: Micros
    list_unit_micros: Micros | None
    version: str
    status: str
    assumed: bool
    images_mode: ImagesMode
    sha256: str = field(default="", repr=False, compare=False)

    @property
    def price_micros(self) -> Micros:
        """What is reserved."""
        return Micros(self.unit_micros * self.images)

    def counting_n(self, n: int) -> "Quote":
        """Price a model of one image a call that was seen selling more: as many as were asked."""
        return replace(self, images=n, images_mode="n")


def quote(order: Order, table: PriceTable) -> Quote:
    """Price an order.

    Raises `NotUnderstood` where the price could be read in two ways, `PriceUnknown` where the
    table has none, and `Unpriced` for a model that the table lets pass without one.
    """
    if order.trusting is not None:
        trusting = _quote(order.trusting, table)  # first: it sees what contradicts
        return _dearer(_quote(order._replace(trusting=None), table), trusting)
    if not order.is_ordinary:
        return _quote(order, table)
    found: Quote | None = table.quoted.get(order)
    if found is None:
        if len(table.quoted) >= QUOTED_MAX:
            table.quoted.clear()
        found = table.quoted[order] = _quote(order, table)
    return found


def _dearer(own: Quote, trusting: Quote) -> Quote:
    """Choose between two readings of an order: what nobody may read does not make it cheaper."""
    if own.price_micros == trusting.price_micros:
        return own
    return replace(max(own, trusting, key=lambda each: each.price_micros), assumed=True)


def _quote(order: Order, table: PriceTable) -> Quote:
    model, called = find_model(order, table)
    task = task_of(order, model, called)
    found = price(model, order, task)
    if found is None:
        if model.relays_unpriced:
            raise Unpriced(model.id)
        raise PriceUnknown(model.id, model.id, _why(model, order, task, table.version))
    rate = found.rate
    mode, images = count_images(model, order)
    is_alias = called != model.id and rate.status == "published"
    return Quote(
        model=model.id,
        called=called,
        resolution=rate.resolution,
        task=task,
        images=images,
        unit_micros=rate.usd_micros,
        list_unit_micros=rate.list_micros,
        version=table.version,
        status="derived" if is_alias else rate.status,
        assumed=found.is_open,
        images_mode=mode,
        sha256=table.sha256,
    )


def _why(model: Model, order: Order, task: str, version: str) -> str:
    """Say what it is about an order for a known model that has no price.

    What the caller wrote is shown short and in ASCII, so that any message may hold it.
    """
    if strange := _strange(model, task):
        return f"is sold as {SOLD_AS[model.kind]}; its price for {strange} is not known"
    if not model.rates:
        return f"has no price in version {version}"
    asked = _asked_size(model, order)
    reading = model.scale.choose(*asked)
    if not isinstance(reading, str):
        sold = ", ".join(label for label in model.resolutions if label != ANY)
        size = _at(model, model.scale.deciding(*asked))
        return f"has no price {size} in version {version}, only at {sold}"
    at = "" if reading == ANY else f" at {reading}"
    quality = order.asked("quality") if model.card.qualities else None
    of_quality = f" in quality {_spelt(quality)}" if isinstance(quality, str) and quality else ""
    return f"has no price for {_spelt(task)}{at}{of_quality} in version {version}"


def _at(model: Model, size: object) -> str:
    if model.scale.read(size) is Open.NO_SIZE:
        return "without a size"
    return f"at {_spelt(size)}" if isinstance(size, str) else "at a size that is no text"


def _spelt(text: str) -> str:
    return ascii(text[:_SPELT_MAX])


def find_model(order: Order, table: PriceTable) -> tuple[Model, str]:
    """Find the model an order names and the name it uses, in the path or in the body.

    Raises:
        PriceUnknown: no model of the table is named.
        NotUnderstood: two are, or what names one is not a string.
    """
    if order.surface == "unified":
        return _model_in_body(order, table)
    hits = table.hits(order.segments)
    if len(hits) > 1:
        raise NotUnderstood("path", f"names two models: {' and '.join(sorted(hits))}")
    if not hits:
        called = max(order.segments[1:-1] or order.segments, key=len, default="")
        why = "stands in the path without a vendor" if called in table.names else ABSENT
        raise _unknown(called, order, table, why if called else "the path names no model")
    ((found, called),) = hits.items()
    if others := table.others(order.segments, found):
        raise NotUnderstood("path", f"names two models: {' and '.join(sorted({found, *others}))}")
    if order.model not in (None, ""):
        _agree(order.model, found, table)
    return table.models[found], called


def _agree(name: object, found: str, table: PriceTable) -> None:
    if not isinstance(name, str) or (named := _named(name, table)) is None:
        raise NotUnderstood("model", f"is not {found}, the model in the path")
    if named[0].id != found:
        raise NotUnderstood("model", f"is {named[0].id}, the path says {found}")


def _model_in_body(order: Order, table: PriceTable) -> tuple[Model, str]:
    # POST /api/v3/image-upscaler names the model by its route; a body need not repeat it.
    name = order.segments[-1] if order.model in (None, "") else order.model
    if not isinstance(name, str):
        raise NotUnderstood("model", "is not a string")
    for options in order.options:
        _agree_in_options(name, options.get("model"), table)
    if (named := _named(name, table)) is not None:
        return named
    called = name.rpartition("/")[2] if order.model else ""
    raise _unknown(called, order, table, ABSENT if called else "the body names no model")


def _unknown(called: str, order: Order, table: PriceTable, why: str) -> PriceUnknown:
    kind = next((made for word in order.segments if (made := asks_for(word))), "image")
    return PriceUnknown(called, table.nearest(called, kind), why)


def _agree_in_options(name: str, nested: object, table: PriceTable) -> None:
    """Refuse a model in the options that is not the order's, known or not."""
    if nested in (None, "", name):
        return
    known, other = _named(name, table), isinstance(nested, str) and _named(nested, table)
    if not known or not other or known[0].id != other[0].id:
        raise NotUnderstood("model", "says one thing in the body, another in its options")


def _named(name: str, table: PriceTable) -> tuple[Model, str] | None:
    for called in (name, name.rpartition("/")[2]):
        if called in table.names:
            return table.names[called], called
    return None


def task_of(order: Order, model: Model, called: str) -> str:
    """Say what an order does: the last word of its route, else what its references make of it.

    What a model is not sold as is asked for by any word of the route, beside the model's name:
    `videos/vidu/viduq2` and `vidu/viduq2/text-to-video/pro` are no pictures.
    """
    last, kind = order.segments[-1] if order.segments else "", model.kind
    unnamed = _UNNAMED if order.surface == "unified" else (called.rpartition("/")[2],)
    if kind in SOLD_AS:
        names = called.split("/")
        for word in order.segments:
            made = asks_for(word)
            if made not in ("", model.kind) and word not in names:
                last, kind = word, made
    if last not in unnamed:
        return last
    return f"{'image' if order.references else 'text'}-to-{kind}"


_UNNAMED = ("images", "generations", "videos", "tasks")
SOLD_AS = {"image": "images", "audio": "audio"}
"""Kinds of model whose price says nothing of video or the like, and what they are sold as.

A tool is sold for what it does, whatever that is done to.
"""


def _strange(model: Model, task: str) -> str:
    """What a task asks of a model whose prices are for something else; "" if nothing of that."""
    made = asks_for(task) if model.kind in SOLD_AS else ""
    return "" if made == model.kind else made


def price(model: Model, order: Order, task: str) -> Found | None:
    """Find the rate of an order, or of the dearest it could come to; None if that is unknown."""
    reading = model.scale.choose(*_asked_size(model, order))
    if isinstance(reading, str):
        return price_at(model, reading, order, task)
    if not model.complete:
        return None
    found = price_at(model, None, order, task)
    return found and found._replace(is_open=True)


def _asked_size(model: Model, order: Order) -> tuple[object, object]:
    if order.options and not model.scale.flat:
        return order.asked("size"), order.asked("resolution")
    return order.size, order.resolution


def price_at(model: Model, resolution: str | None, order: Order, task: str) -> Found | None:
    """Find the rate of an order at a resolution that the model sells, None being any of them.

    Video of a model that is sold as images costs many times as much: the price of what a model is
    not sold as is a rate bound to that very task, and no other.
    """
    found = _rate_at(model, resolution, order, task)
    if found is None or found.rate.task == task or not _strange(model, task):
        return found
    return None


def _rate_at(model: Model, resolution: str | None, order: Order, task: str) -> Found | None:
    card = model.card
    if card.plain:
        return card.find(Case(resolution, OTHER, 0, OTHER))
    word, count = card.task(task), card.references(order.references, task)
    found = card.find(Case(resolution, word, count, card.quality(order.asked("quality"))))
    if found is not None or not model.complete:
        return found
    dearest = card.find(Case(resolution, None, None, None))
    return dearest and dearest._replace(is_open=True)


def count_images(model: Model, order: Order) -> tuple[ImagesMode, int]:
    """Say how an order's images are sold, and how many of them are reserved."""
    if model.images != "n":
        return model.images, 1
    n = requested_n(order)
    if n == 1 and order.sequence and model.makes_sequences:
        return "run", 1
    return "n", n
