"""What an answer says of charges. What a call without a price cost is not known: null, never 0."""

import json
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from pricing import usd
from proxy.admin.shown import Shown
from proxy.instants import instant
from proxy.ledger.fare import UNPRICED, Fare


class ChargeShown(Shown):
    """One fare; its money is null where the call had no price."""

    id: str
    key: str
    key_id: str
    team: str | None
    state: str
    model: str
    called: str
    resolution: str
    task: str
    images: int
    sold_images: int
    unit_usd: str | None
    reserved_usd: str | None
    settled_usd: str | None
    cost_usd: str | None
    price_version: str | None
    price_status: str
    price_assumed: bool
    ground: str | None
    reason: str | None
    surface: str
    prediction_id: str | None
    day: str
    admitted_at: datetime
    accepted_at: datetime | None
    decided_at: datetime | None
    shadow: bool
    tags: dict[str, str]


class EntryShown(Shown):
    """One immutable movement of money of a fare; null where its call had no price."""

    seq: int
    kind: str
    at: datetime
    reserved_usd: str | None
    settled_usd: str | None
    images: int
    ground: str | None
    actor: str | None
    why: str | None


class ChargeStory(ChargeShown):
    """One fare and its entries."""

    entries: list[EntryShown]


class ChargeList(Shown):
    """Charges, newest first."""

    data: list[ChargeShown]
    next_cursor: str | None


def charge_facts(fare: Fare) -> dict[str, Any]:
    """Say of a charge all that may be shown."""
    money = _money(fare)
    return {
        "id": fare.id,
        "key": fare.key_name,
        "key_id": fare.key_id,
        "team": fare.team or None,
        "state": fare.state,
        "model": fare.model,
        "called": fare.called,
        "resolution": fare.resolution,
        "task": fare.task,
        "images": fare.images,
        "sold_images": fare.sold_images,
        "unit_usd": money(fare.unit_micros),
        "reserved_usd": money(fare.reserved_micros),
        "settled_usd": money(fare.settled_micros),
        "cost_usd": money(fare.cost_micros),
        "price_version": fare.price_version or None,
        "price_status": fare.price_status,
        "price_assumed": bool(fare.price_assumed),
        "ground": fare.ground or None,
        "reason": fare.reason or None,
        "surface": fare.surface,
        "prediction_id": fare.prediction_id,
        "day": fare.key_day,
        "admitted_at": instant(fare.admitted_us),
        "accepted_at": _instant(fare.accepted_us),
        "decided_at": _instant(fare.decided_us),
        "shadow": bool(fare.shadow),
        "tags": json.loads(fare.tags),
    }


def entry_facts(fare: Fare, row: Sequence[Any]) -> dict[str, Any]:
    """Say of an entry of a fare all there is; `row` as `changes.entries` reads it."""
    money = _money(fare)
    seq, kind, at_us, reserved, settled, images, ground, actor, why = row
    return {
        "seq": seq,
        "kind": kind,
        "at": instant(at_us),
        "reserved_usd": money(reserved),
        "settled_usd": money(settled),
        "images": images,
        "ground": ground or None,
        "actor": actor or None,
        "why": why or None,
    }


def story(fare: Fare, entries: Sequence[Sequence[Any]]) -> ChargeStory:
    """Show a charge with its entries."""
    shown = [EntryShown(**entry_facts(fare, row)) for row in entries]
    return ChargeStory(**charge_facts(fare), entries=shown)


def _money(fare: Fare) -> Callable[[int], str | None]:
    """Choose how its money is told: the ledger holds 0 for what nobody could price."""
    return _not_known if fare.price_status == UNPRICED else usd


def _not_known(_micros: int) -> None:
    return None


def _instant(at_us: int | None) -> datetime | None:
    return None if at_us is None else instant(at_us)
