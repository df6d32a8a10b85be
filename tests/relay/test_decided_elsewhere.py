"""What is decided beside the relay, by hand or by a bill: polls of this process tell it, too."""

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

from proxy.charge import Ground
from proxy.ledger.outcomes import Decide
from tests.relay.house import Farebox, charge_of, prediction_of, running, state_of
from tests.standin.server import Standin


def run(farebox: Farebox, *command: str) -> None:
    """Run a command of Farebox's on the ledger of a process that serves; 1 is a finding."""
    done = subprocess.run(
        [sys.executable, "-m", farebox.program, *command],
        check=False, cwd=farebox.home, env=farebox.environment(), capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode in (0, 1), done.stderr


def cost_of(farebox: Farebox, key: str, prediction: str) -> str:
    return farebox.poll(key, prediction).headers["x-farebox-cost-usd"]


def test_polls_tell_what_was_decided_by_hand(upstream: Standin, tmp_path: Path) -> None:
    with running(tmp_path, upstream.url) as farebox:
        key = farebox.key()
        bought = farebox.submit(key, "standin:never")
        prediction = prediction_of(bought)
        assert state_of(farebox.poll(key, prediction)) == "accepted"
        run(farebox, "charges", "release", charge_of(bought), "--why", "they say it never ran")
        farebox.until(lambda: state_of(farebox.poll(key, prediction)) == "released")
        assert cost_of(farebox, key, prediction) == "0.000000"


def test_polls_tell_what_a_bill_put_right(upstream: Standin, tmp_path: Path) -> None:
    with running(tmp_path, upstream.url) as farebox:
        key = farebox.key()
        prediction = prediction_of(farebox.submit(key))
        farebox.until(lambda: state_of(farebox.poll(key, prediction)) == "settled")
        bill = tmp_path / "bill.csv"
        bill.write_text(
            "prediction_id,created_at,model,amount_usd\n"
            f"{prediction},{datetime.now(UTC).isoformat()},gemini-3.1-flash-image-preview,0.030000\n"
        )
        run(farebox, "reconcile", str(bill), "--apply", "--why", "the bill of November")
        farebox.until(lambda: cost_of(farebox, key, prediction) == "0.030000")


def test_a_poll_that_tells_nothing_shows_what_another_process_heard(
    upstream: Standin, tmp_path: Path
) -> None:
    with running(tmp_path, upstream.url) as farebox:
        key = farebox.key()
        bought = farebox.submit(key, "standin:never standin:poll-404")
        heard = Decide(charge_of(bought), 1, Ground.ANSWER, "completed")
        with farebox.ledger() as store:
            store.commit([heard])
        polled = farebox.poll(key, prediction_of(bought))
        assert (polled.status_code, state_of(polled)) == (404, "settled")


def test_polls_go_on_without_a_ledger_though_what_is_at_hand_may_be_old(
    upstream: Standin, tmp_path: Path
) -> None:
    with running(tmp_path, upstream.url) as farebox:
        key = farebox.key()
        bought = farebox.submit(key)
        farebox.key()  # to make one changes the directory
        moved = farebox.database.rename(tmp_path / "moved.db")
        polled = farebox.poll(key, prediction_of(bought))
        assert (polled.status_code, charge_of(polled)) == (200, charge_of(bought))
        moved.rename(farebox.database)
