"""The ids of charges that were admitted at a time: charges have no other index by time."""

from typing import Final

from proxy.fares import CHANCE_DIGITS, new_id

SLACK_US: Final = 3_600_000_000  # an id is made by the host's clock, an admission by the ledger's
IDS_US: Final = (1 << 50, (1 << 55) - 1)  # from 2005 to 3111 all ids are of one length


def first_id(at_us: int) -> str:
    """Make the least id of an instant."""
    first, last = IDS_US
    return new_id(min(max(first, at_us), last))[:-CHANCE_DIGITS] + "0" * CHANCE_DIGITS
