"""A charge: one fare through its life, and the table of its transitions. Pure.

    reserved --accept--> accepted --complete--> settled
        |                    |----fail--------> released
        |                    `----doubt-------> uncertain (a ledger restored from a copy)
        |--complete/fail (sync answers)
        |--refuse (proof that nothing ran)----> released
        `--doubt--> uncertain --complete/fail/assume/by hand--> settled or released

A decided charge never changes its state again. What is learnt later about one that
was decided without proof (assumed, or by hand) is a correction entry, once. So it is where
the upstream said that a job failed, and later shows its images; where it says that a finished
one failed, what was sold stays sold. Both are counted as contradictions, once a charge.
"""

from enum import StrEnum


class State(StrEnum):
    """Where a charge stands."""

    RESERVED = "reserved"
    ACCEPTED = "accepted"
    SETTLED = "settled"
    RELEASED = "released"
    UNCERTAIN = "uncertain"


class Event(StrEnum):
    """What happens to a charge; also the kind of its ledger entry."""

    RESERVE = "reserve"
    ACCEPT = "accept"
    SETTLE = "settle"
    RELEASE = "release"
    DOUBT = "doubt"
    CORRECT = "correct"


class Ground(StrEnum):
    """What a decision rests on."""

    ANSWER = "answer"  # the upstream said so
    SUBMIT = "submit"  # FAREBOX_CHARGE_ON=submit
    UNSENT = "unsent"  # nothing left this host
    ASSUMED = "assumed"  # nobody came back within FAREBOX_GIVE_UP_AFTER
    HAND = "hand"  # an operator, with a reason
    STATEMENT = "statement"  # the provider's bill
    CONTRADICTED = "contradicted"  # the upstream said so, and later the contrary


OPEN = frozenset({State.RESERVED, State.ACCEPTED, State.UNCERTAIN})

TRANSITIONS: dict[tuple[State, Event], State] = {
    (State.RESERVED, Event.ACCEPT): State.ACCEPTED,
    (State.RESERVED, Event.SETTLE): State.SETTLED,
    (State.RESERVED, Event.RELEASE): State.RELEASED,
    (State.RESERVED, Event.DOUBT): State.UNCERTAIN,
    (State.ACCEPTED, Event.DOUBT): State.UNCERTAIN,
    (State.ACCEPTED, Event.SETTLE): State.SETTLED,
    (State.ACCEPTED, Event.RELEASE): State.RELEASED,
    (State.UNCERTAIN, Event.ACCEPT): State.ACCEPTED,
    (State.UNCERTAIN, Event.SETTLE): State.SETTLED,
    (State.UNCERTAIN, Event.RELEASE): State.RELEASED,
}

# A decision on one of these grounds may still be put right by the upstream's own word.
UNPROVEN = frozenset({Ground.ASSUMED, Ground.HAND, Ground.SUBMIT})
