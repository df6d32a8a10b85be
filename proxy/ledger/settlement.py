"""How a decision moves money: released, settled, put right later, rolled up. Pure."""

from pricing import sold
from proxy.charge import Event, Ground, State
from proxy.ledger.fare import UNPRICED, Fare
from proxy.ledger.view import View

QUARTER_US = 900_000_000  # the reports' roll-up adds up a quarter of an hour


def release(view: View, fare: Fare, *, ground: Ground, why: str, actor: str = "") -> None:
    """Give the whole fare back, and free its Idempotency-Key."""
    view.freed.append(fare.id)
    _close(view, fare, State.RELEASED, ground, why)
    view.enter(
        fare, Event.RELEASE, reserved=-fare.reserved_micros, ground=ground, actor=actor, why=why
    )


def settle(
    view: View, fare: Fare, outputs: int, *, ground: Ground, why: str = "", actor: str = ""
) -> None:
    """Charge what was sold; more than was reserved is an overrun, counted."""
    images, micros = sold(fare, outputs)
    _close(view, fare, State.SETTLED, ground, why)
    _overrun(view, fare, micros)
    fare.settled_micros, fare.sold_images = micros, images
    view.enter(
        fare,
        Event.SETTLE,
        reserved=-fare.reserved_micros,
        settled=micros,
        images=images,
        ground=ground,
        actor=actor,
        why=why,
    )
    roll_up(view, fare, micros, images, calls=1)


def correct(
    view: View,
    fare: Fare,
    outputs: int | None,
    *,
    ground: Ground,
    why: str,
    actor: str,
) -> bool:
    """Put a decision without proof right; True if money moved. The state stays as it was."""
    images, micros = (0, 0) if outputs is None else sold(fare, outputs)
    if fare.ground == Ground.SUBMIT:  # outcomes then add overruns only
        images, micros = max(images, fare.sold_images), max(micros, fare.settled_micros)
    fare.ground = ground.value
    view.changed[fare.id] = fare
    if (micros, images) == (fare.settled_micros, fare.sold_images):
        return False
    _overrun(view, fare, micros)
    put_at(view, fare, micros, images, ground=ground, why=why, actor=actor)
    return True


def contradict(view: View, fare: Fare, outputs: int | None, *, why: str, actor: str) -> bool:
    """Note that the upstream now says the contrary; True if money moved.

    Images that came after all are charged: it will not have made them for nothing. What was sold
    stays sold, whatever is said of it later.
    """
    why = f"{fare.reason}, later {why}"
    view.count("contradictions", fare.model)
    if outputs is None:
        fare.ground, view.changed[fare.id] = Ground.CONTRADICTED.value, fare
        return False
    return correct(view, fare, outputs, ground=Ground.CONTRADICTED, why=why, actor=actor)


def put_at(
    view: View, fare: Fare, micros: int, images: int, *, ground: Ground, why: str, actor: str
) -> None:
    """Put a settled fare at another sum, by an entry of its own."""
    move, more = micros - fare.settled_micros, images - fare.sold_images
    fare.settled_micros, fare.sold_images, fare.ground = micros, images, ground.value
    view.enter(fare, Event.CORRECT, settled=move, images=more, ground=ground, actor=actor, why=why)
    view.count("corrections", "up" if move > 0 else "down", abs(move))
    roll_up(view, fare, move, more, calls=0)


def _close(view: View, fare: Fare, state: State, ground: Ground, why: str) -> None:
    fare.state, fare.ground, fare.reason = state.value, ground.value, why
    fare.decided_us, fare.lease_owner = view.now_us, ""


def _overrun(view: View, fare: Fare, micros: int) -> None:
    if micros <= max(fare.reserved_micros, fare.settled_micros):
        return
    view.count("overruns", fare.model)
    if fare.images_mode == "one":
        view.counting.add((fare.price_version, fare.model))


def roll_up(view: View, fare: Fare, micros: int, images: int, *, calls: int) -> None:
    """Add settled money to the reports' roll-up and to the counters of the metrics."""
    if fare.price_status == UNPRICED:
        return
    unit = fare.unit_micros if fare.list_unit_micros is None else fare.list_unit_micros
    place = (
        fare.admitted_us // QUARTER_US,
        fare.key_id,
        fare.key_name,
        fare.team,
        fare.model,
        fare.resolution,
        fare.task,
        fare.price_version,
        fare.tags,
    )
    row = view.spend.setdefault(place, [0, 0, 0, 0])
    for index, value in enumerate((calls, images, micros, images * unit)):
        row[index] += value
    if micros > 0 or images > 0:
        total = view.totals.setdefault(
            (fare.team, fare.key_name, fare.model, fare.resolution), [0, 0]
        )
        total[0] += max(micros, 0)
        total[1] += max(images, 0)
