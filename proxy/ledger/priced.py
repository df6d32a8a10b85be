"""Price versions against their digests, and what charges were priced at against their versions.

A ledger keeps a call's model, resolution and task, not its whole order, so which of a model's
rates an order came to cannot be said again. That it was one of them can: price, list price,
resolution and status stand together in one rate, and how images are counted in the model.
"""

from collections.abc import Iterator
from hashlib import sha256
from typing import Final, NamedTuple

from pricing import Model, PriceTable, TableError, load_table
from proxy.instants import epoch_us
from proxy.ledger.difference import Difference, apart, unequal
from proxy.ledger.fare import UNPRICED
from proxy.ledger.session import Session

# What was said last of a version when it was stored; sealed, as a version is not.
_TOLD = "SELECT subject,after FROM audit WHERE action='prices.add' ORDER BY id"
_VERSIONS = "SELECT version,effective_us,sha256,body FROM price_versions ORDER BY effective_us"
_OF: Final = "price_version,model,resolution,unit_micros,list_unit_micros,price_status,images_mode"
_BOUGHT = f"SELECT DISTINCT {_OF} FROM charges"  # noqa: S608 - names of ours
_ALIKE = """
SELECT count(*),min(id) FROM charges
WHERE price_version=? AND model=? AND resolution=? AND unit_micros=?
  AND coalesce(list_unit_micros,-1)=? AND price_status=? AND images_mode=?
"""


class Bought(NamedTuple):
    """What charges alike say of their price; money in micro-USD."""

    version: str
    model: str
    resolution: str
    unit_micros: int
    list_micros: int | None
    status: str
    images: str


def differences(session: Session) -> Iterator[Difference]:
    """Check every version, and that every charge was priced as its version says."""
    told = dict(session.rows(_TOLD))
    tables: dict[str, PriceTable | None] = {}
    for version, effective_us, digest, body in session.rows(_VERSIONS):
        where = f"price version {version}"
        made = sha256(body.encode()).hexdigest()
        for known in {digest, told.get(version, digest)}:
            if made != known:
                yield Difference(where, "sha256", *apart(made, known))
        table = tables[version] = _read(body, version)
        if table is None:
            yield Difference(where, "readable", 1, 0)
        else:
            starts = epoch_us(table.effective_from)
            yield from unequal(where, effective_us=(starts, effective_us))
    counting = {(version, model) for version, model in session.rows(
        "SELECT version,model FROM counting"
    )}  # fmt: skip
    for bought in map(Bought._make, session.rows(_BOUGHT)):
        if not _stands(bought, tables, counting):
            yield _unlike(session, bought)


def _read(body: str, version: str) -> PriceTable | None:
    try:
        table = load_table(body, name=version)
    except TableError:
        return None
    return table if table.version == version else None


def _stands(
    bought: Bought, tables: dict[str, PriceTable | None], counting: set[tuple[str, str]]
) -> bool:
    """Say whether a version has this price; one that cannot be read was named already."""
    if bought.status == UNPRICED:
        return not bought.version and bought.unit_micros == 0 and bought.list_micros is None
    if (table := tables.get(bought.version)) is None:
        return bought.version in tables
    model = table.models.get(bought.model)
    if model is None:
        return False
    counted = (bought.version, bought.model) in counting
    return bought.images in _modes(model, counted=counted) and _has(model, bought)


def _modes(model: Model, *, counted: bool) -> set[str]:
    """How a model's images may have been sold: one that sold more than it says is counted then."""
    also = {"run"} if model.images == "n" and model.makes_sequences else set()
    return {model.images, *also, *({"n"} if counted else ())}


def _has(model: Model, bought: Bought) -> bool:
    return any(
        (rate.usd_micros, rate.list_micros, rate.resolution)
        == (bought.unit_micros, bought.list_micros, bought.resolution)
        # a model that was called by an alias has no published price
        and bought.status in (rate.status, "derived" if rate.status == "published" else "")
        for rate in model.rates
    )


def _unlike(session: Session, bought: Bought) -> Difference:
    listed = -1 if bought.list_micros is None else bought.list_micros
    count, first = session.rows(_ALIKE, (*bought[:4], listed, *bought[5:]))[0]
    where = (
        f"charge {first} and those alike: {bought.model} at {bought.resolution} for"
        f" {bought.unit_micros} ({bought.status}, {bought.images}), list {bought.list_micros}"
    )
    return Difference(where, f"calls that version '{bought.version}' prices so", 0, int(count))
