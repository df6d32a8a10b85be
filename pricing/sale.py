"""What a completion comes to: how many images it sold, and for how much."""

from typing import Protocol

from pricing.money import Micros


class Bought(Protocol):
    """What was reserved: a quote, or the fare that keeps it."""

    @property
    def images_mode(self) -> str:
        """How its images are sold."""

    @property
    def images(self) -> int:
        """How many."""

    @property
    def unit_micros(self) -> int:
        """The price of one, in micro-USD."""


def sold(bought: Bought, outputs: int) -> tuple[int, Micros]:
    """Count and price a completion by its outputs; none listed means what was reserved.

    A run is one image in every count, whatever comes out of it.
    """
    images = bought.images if bought.images_mode == "run" or outputs < 1 else outputs
    return images, Micros(bought.unit_micros * images)
