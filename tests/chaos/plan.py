"""What a run does."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Plan:
    """What a run does; the same seed makes the same choices, though not the same timing."""

    seed: int = 1
    seconds: float = 10.0
    kills: int = 20
    processes: int = 3
    in_flight: int = 200
    limit_calls: int = 150  # of one key and day; a team has room for 3.5 keys
    groups: int = 40
    mutant: str = ""
    give_up_s: int = 8  # FAREBOX_GIVE_UP_AFTER
    midnight_s: float = 0.0  # when the day rolls over; 0 leaves the clock alone
    charge_on: str = "completion"
    backends: bool = False  # kill PostgreSQL's processes too
    decide_s: float = 60.0
    words: tuple[str, ...] = ()  # instead of the whole story
    each_point: bool = False  # no storm: one death at each named point, in turn
