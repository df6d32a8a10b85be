"""A refusal that does not wait for the body leaves a connection whose end is announced."""

import pytest

from tests.hardening.bodies.document import FLASH
from tests.relay.house import Farebox


@pytest.mark.parametrize("size", [300_000, 5_000_000], ids=["300 kB", "5 MB"])
def test_a_caller_refused_before_its_body_was_read_can_call_again_at_once(
    size: int, farebox: Farebox
) -> None:
    url = farebox.url + FLASH
    for _ in range(20):
        refused = farebox.client.post(url, content=bytes(size))
        assert refused.headers["x-farebox-refused"] == "invalid_key"
        # Without the announcement this call went out on a connection that was just closing.
        assert farebox.client.get(f"{farebox.url}/healthz").status_code == 200
