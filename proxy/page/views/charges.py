"""Charges: the list, one charge's story, and the uncertain ones that a hand decides."""

import re
from dataclasses import replace
from http import HTTPStatus

from starlette.responses import Response

from pricing import usd
from proxy.admin.asked import Charging, Decision
from proxy.admin.changes import ByHand, refusal_of
from proxy.charge import Ground, State
from proxy.directory import Directory
from proxy.ledger.fare import Fare
from proxy.ledger.operation import Receipt
from proxy.ledger.registry import audit
from proxy.page.forms import Filled, Unfit, read
from proxy.page.gate import View
from proxy.page.listing import (
    STATES,
    Filter,
    Story,
    charges,
    known_models,
    story,
    uncertain,
    undecided,
)
from proxy.page.render import live, part_only, render
from proxy.page.visit import NotHere, Visit

ACTOR = "page"
_DAY = re.compile(r"\d{4}-\d\d-\d\d")


class TooLate(Exception):
    """The charge was decided since the page with the form was made; the words say how."""


def asked_for(visit: Visit, *, key_id: str | None = None) -> Filter:
    """Read a filter from the query; a day that is none is left out."""
    day = visit.asked("day")
    return Filter(
        key="" if key_id else visit.asked("key"),
        team="" if key_id else visit.asked("team"),
        model=visit.asked("model"),
        state=visit.asked("state") if visit.asked("state") in (*STATES, "open") else "",
        day=day if _DAY.fullmatch(day) else "",
        before=visit.asked("before", 64),
        key_id=key_id,
        prediction=visit.asked("prediction", 256),
        own=key_id is not None,
    )


async def listed(visit: Visit) -> Response:
    """List charges, newest first."""
    wanted = asked_for(visit)
    directory = visit.desk.directory
    wanted = replace(wanted, key_id=_id_of(directory, wanted.key))
    found = await visit.desk.reader.ask(charges(wanted))
    rows = live(
        visit,
        "charges",
        "_charges.html",
        fares=found.fares,
        filtered=wanted.is_set,
        base="/charges",
    )
    if visit.part:
        return part_only(visit, rows)
    return render(
        visit,
        "charges.html",
        rows=rows,
        wanted=wanted,
        more=found.more_before,
        models=await visit.desk.reader.ask(known_models),
        keys=sorted(k.name for k in directory.keys.values()),
        teams=sorted({k.team for k in directory.keys.values() if k.team}),
    )


def _id_of(directory: Directory, name: str) -> str | None:
    """Find the key that has a name now: its charges keep the name that it had at each."""
    return next((key.id for key in directory.keys.values() if key.name == name), None)


async def told(visit: Visit) -> Response:
    """Tell one charge's story."""
    return _told(visit, await _story(visit))


def _told(visit: Visit, found: Story, filled: Filled | None = None, status: int = 200) -> Response:
    return render(
        visit, "charge.html", status, story=found, fare=found.fare, filled=filled or Filled({}),
        may_decide=visit.session.is_admin, base="/charges",
    )  # fmt: skip


async def _story(visit: Visit) -> Story:
    found = await visit.desk.reader.ask(story(visit.request.path_params["charge_id"]))
    if found is None:
        raise NotHere("There is no charge of this id.")
    return found


async def doubtful(visit: Visit) -> Response:
    """List the uncertain charges, each with its two buttons."""
    fares = await visit.desk.reader.ask(undecided)
    count, _ = await visit.desk.reader.ask(uncertain)
    return render(visit, "uncertain.html", fares=fares, count=count)


async def decide(visit: Visit) -> Response:
    """Charge or release an uncertain charge, on the record."""
    found = await _story(visit)
    try:
        outputs, why = _decision(visit)
        receipt = await _by_hand(visit, found.fare, outputs, why)
    except Unfit as unfit:
        return _told(visit, found, Filled(dict(visit.form), unfit.errors), 422)
    except TooLate as late:
        return _told(visit, await _story(visit), Filled({}, general=str(late)), HTTPStatus.CONFLICT)
    done = "charged" if receipt.fare.state == State.SETTLED else "released"
    return visit.go(f"/charges/{found.fare.id}?done={done}")


def _decision(visit: Visit) -> tuple[int | None, str]:
    why = visit.said("why")
    if visit.said("do") == "release":
        return None, read(Decision, {"why": why}).why
    images = visit.said("images") or "0"
    said = read(Charging, {"why": why, "images": int(images) if images.isdecimal() else images})
    return said.images, said.why


async def _by_hand(visit: Visit, fare: Fare, outputs: int | None, why: str) -> Receipt:
    if fare.state != State.UNCERTAIN:
        raise _too_late(fare)
    fares, charge_id = visit.desk.fares, fare.id
    receipt = await fares.writer.do(ByHand(charge_id, outputs, Ground.HAND, why, ACTOR))
    if not receipt.changed:
        raise _too_late(receipt.fare)
    fares.remember(receipt)
    fare, action = receipt.fare, "charge.release" if outputs is None else "charge.charge"
    await fares.writer.transact(
        lambda store: audit(
            store, ACTOR, action, charge_id, State.UNCERTAIN.value,
            f"{fare.state} {usd(fare.settled_micros)}", why,
        )
    )  # fmt: skip
    return receipt


def _too_late(fare: Fare) -> TooLate:
    return TooLate(f"Nothing was changed: {refusal_of(fare.state, fare.ground)}.")


VIEWS = (
    View("GET", "/charges", "admin", listed),
    View("GET", "/uncertain", "admin", doubtful),
    View("GET", "/charges/{charge_id}", "admin", told),
    View("POST", "/charges/{charge_id}/decide", "admin", decide),
)
