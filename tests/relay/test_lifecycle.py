"""Starting, stopping, dying and starting again: no hold is lost and none decided twice."""

import concurrent.futures
import json
import os
import signal
import socket
from pathlib import Path

import pytest

from pricing import BUNDLED, load_table
from proxy.ledger import versions
from tests.relay.house import (
    FLASH,
    PATH,
    PRICE_MICROS,
    Farebox,
    charge_of,
    prediction_of,
    running,
    state_of,
)
from tests.relay.wire import Asked, exchange, read
from tests.standin.server import Standin

NEWER = """
version = "2026-10-01"
effective_from = 2026-10-01T00:00:00Z
currency = "USD"
source = "a test"
[models."gemini-3.1-flash-image-preview"]
kind = "image"
default_resolution = "1K"
images = "one"
[models."gemini-3.1-flash-image-preview".prices]
"1K" = { usd = "0.050000", status = "published" }
"""


def test_what_a_killed_process_held_is_found_again(upstream: Standin, tmp_path: Path) -> None:
    with running(tmp_path, upstream.url) as farebox:
        key = farebox.key(daily_micros=10 * PRICE_MICROS)
        taken = farebox.submit(key)
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            before = len(upstream.submits)
            broken = pool.submit(farebox.submit, key, "standin:silence")
            upstream.wait(before + 1, PATH)
            assert farebox.end(signal.SIGKILL) == -signal.SIGKILL
            assert broken.exception() is not None
        farebox.start()
        states = dict(farebox.rows("SELECT state,count(*) FROM charges GROUP BY state"))
        assert states == {"accepted": 1, "uncertain": 1}
        assert farebox.balance(key) == (0, 2 * PRICE_MICROS)
        for _ in range(3):
            poll = farebox.poll(key, prediction_of(taken))
        assert (state_of(poll), charge_of(poll)) == ("settled", charge_of(taken))
        assert farebox.balance(key) == (PRICE_MICROS, PRICE_MICROS)


def test_what_a_killed_worker_held_is_found_by_its_successor(
    upstream: Standin, tmp_path: Path
) -> None:
    with running(tmp_path, upstream.url, workers="2") as farebox:
        key = farebox.key(daily_micros=10 * PRICE_MICROS)
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            before = len(upstream.submits)
            broken = pool.submit(farebox.submit, key, "standin:silence")
            upstream.wait(before + 1, PATH)
            ((owner,),) = farebox.rows("SELECT owner FROM charges WHERE state='reserved'")
            os.kill(int(owner.split(":")[1]), signal.SIGKILL)
            assert broken.exception() is not None
        uncertain = [("uncertain", PRICE_MICROS)]
        sql = "SELECT state,reserved_micros FROM charges"
        farebox.until(lambda: farebox.rows(sql) == uncertain)
        assert farebox.submit(key).status_code == 200


def test_a_new_own_key_s_poll_is_counted_at_another_node(upstream: Standin, tmp_path: Path) -> None:
    with running(tmp_path, upstream.url) as first:
        ledger = first.settings["database_url"]
        home = tmp_path / "second"
        home.mkdir()
        with running(home, upstream.url, database_url=ledger) as second:
            for number in range(5):
                own = f"sk-own-of-another-node-{number}"
                taken = first.submit(own)
                seen = [second.poll(own, prediction_of(taken)) for _ in range(2)]
                assert {charge_of(poll) for poll in seen} == {charge_of(taken)}
                assert [state_of(poll) for poll in seen] == ["accepted", "settled"]


def test_a_stop_finishes_the_calls_in_flight_and_takes_no_more(
    upstream: Standin, tmp_path: Path
) -> None:
    with running(tmp_path, upstream.url) as farebox:
        key, before = farebox.key(), len(upstream.submits)
        process = farebox.process
        assert process is not None
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            slow = pool.submit(farebox.submit, key, "standin:sync standin:slow=2")
            upstream.wait(before + 1, PATH)
            process.send_signal(signal.SIGTERM)
            farebox.until(lambda: not let_in(farebox))
            answer = slow.result()
        assert (answer.status_code, state_of(answer)) == (200, "settled")
        assert process.wait(20) == 0
        farebox.process = None
        assert farebox.rows("SELECT state FROM charges") == [("settled",)]


def let_in(farebox: Farebox) -> bool:
    """Whether a newcomer's call is served while the server drains."""
    try:
        got = exchange(farebox.url, Asked("GET", b"/readyz"))
    except ConnectionError:
        return False
    return got.status not in {0, 503}


def test_a_kept_connection_is_told_that_we_are_draining(upstream: Standin, tmp_path: Path) -> None:
    with running(tmp_path, upstream.url) as farebox:
        key = farebox.key()
        other = farebox.key()
        before = len(upstream.submits)
        ask = f"GET /api/v3/predictions/x HTTP/1.1\r\nHost: x\r\nAuthorization: {other}\r\n\r\n"
        with socket.create_connection(("127.0.0.1", farebox.port), timeout=20) as kept:
            kept.sendall(ask.encode())
            assert read(kept, "GET").status == 404
            process = farebox.process
            assert process is not None
            with concurrent.futures.ThreadPoolExecutor(1) as pool:
                slow = pool.submit(farebox.submit, key, "standin:sync standin:slow=1")
                upstream.wait(before + 1, PATH)
                process.send_signal(signal.SIGTERM)
                farebox.until(lambda: "Shutting down" in farebox.log.read_text())
                kept.sendall(ask.encode())
                told = read(kept, "GET")
                slow.result()
            assert told.status in {0, 503}  # 0: the connection had been closed already
            assert told.status == 0 or b'"draining"' in told.body


def test_hangup_adds_a_price_version_and_a_bad_one_changes_nothing(
    upstream: Standin, tmp_path: Path
) -> None:
    tables = tmp_path / "tables"
    tables.mkdir()
    (tables / "2100-01-01.toml").write_text(NEWER.replace("2026-10-01", "2100-01-01"))
    home = tmp_path / "home"
    home.mkdir()
    with running(home, upstream.url, price_tables=str(tables)) as farebox:
        key = farebox.key(daily_micros=-1)
        process = farebox.process
        assert process is not None
        assert farebox.submit(key).headers["x-farebox-price-version"] == "2026-09-25"
        (tables / "broken.toml").write_text("version = 1")
        process.send_signal(signal.SIGHUP)
        farebox.until(lambda: "price tables stay as they are" in farebox.log.read_text())
        assert farebox.submit(key).headers["x-farebox-price-version"] == "2026-09-25"
        (tables / "broken.toml").unlink()
        (tables / "2026-10-01.toml").write_text(NEWER)
        process.send_signal(signal.SIGHUP)
        newer = "2026-10-01"
        farebox.until(lambda: farebox.submit(key).headers["x-farebox-price-version"] == newer)
        assert farebox.submit(key).headers["x-farebox-cost-usd"] == "0.050000"
        assert f'farebox_price_table_info{{version="{newer}"}} 1.0' in farebox.metrics()
    assert BUNDLED.is_dir()


def test_a_version_that_priced_nothing_is_corrected_at_a_hangup_and_sold_as_stored(
    upstream: Standin, tmp_path: Path
) -> None:
    tables = tmp_path / "tables"
    tables.mkdir()
    with running(tmp_path, upstream.url, price_tables=str(tables)) as farebox:
        key, process = farebox.key(), farebox.process
        assert process is not None
        for usd in ("0.050000", "0.060000"):
            (tables / "y1.toml").write_text(NEWER.replace("0.050000", usd))
            process.send_signal(signal.SIGHUP)
            farebox.until(lambda price=usd: quoted(farebox, key) == price)
        corrected = load_table(NEWER.replace("0.050000", "0.070000"), name="y1")
        farebox.change(versions.add([corrected], actor="test"))
        answer = farebox.submit(key)  # before anybody has looked what changed
        assert answer.headers["x-farebox-cost-usd"] == "0.070000"
        assert answer.headers["x-farebox-price-version"] == "2026-10-01"
        assert quoted(farebox, key) == "0.070000"
        (tables / "y1.toml").write_text(NEWER)
        process.send_signal(signal.SIGHUP)
        farebox.until(lambda: "has priced charges and cannot change" in farebox.log.read_text())
        assert farebox.submit(key).headers["x-farebox-cost-usd"] == "0.070000"


def quoted(farebox: Farebox, key: str) -> str:
    answer = farebox.submit(key, headers={"x-farebox-dry-run": "1"})
    return str(answer.headers["x-farebox-cost-usd"])


def test_ready_says_why_it_is_not(upstream: Standin, tmp_path: Path) -> None:
    with running(tmp_path, upstream.url) as farebox:
        ready = f"{farebox.url}/readyz"
        answer = farebox.client.get(ready)
        assert (answer.status_code, answer.json()) == (200, {"status": "ready", "why": []})
        moved = farebox.database.rename(tmp_path / "moved.db")
        farebox.until(lambda: farebox.client.get(ready).status_code == 503)
        assert "cannot be written" in json.dumps(farebox.client.get(ready).json()["why"])
        assert farebox.client.get(f"{farebox.url}/healthz").status_code == 200
        moved.rename(farebox.database)
        farebox.until(lambda: farebox.client.get(ready).status_code == 200)


def gone(farebox: Farebox) -> object:
    return farebox.database.rename(farebox.home / "moved.db")


def back(farebox: Farebox) -> object:
    return (farebox.home / "moved.db").rename(farebox.database)


def no_table(farebox: Farebox) -> object:
    return farebox.change(lambda store: store.session.run("ALTER TABLE entries RENAME TO hidden"))


def table(farebox: Farebox) -> object:
    return farebox.change(lambda store: store.session.run("ALTER TABLE hidden RENAME TO entries"))


@pytest.mark.parametrize(
    ("break_it", "mend_it", "kind"),
    [(gone, back, "gone"), (no_table, table, "commit")],
)
def test_while_nothing_can_be_written_nothing_is_sent(
    break_it: object, mend_it: object, kind: str, upstream: Standin, tmp_path: Path
) -> None:
    with running(tmp_path, upstream.url) as farebox:
        key = farebox.key()
        before = len(upstream.submits)
        break_it(farebox)  # type: ignore[operator]
        answer = farebox.submit(key)
        assert (answer.status_code, answer.json()["error"]["type"]) == (503, "ledger_unavailable")
        assert int(answer.headers["retry-after"]) > 0
        assert len(upstream.submits) == before
        mend_it(farebox)  # type: ignore[operator]
        farebox.until(lambda: farebox.submit(key).status_code == 200)
        assert f'farebox_ledger_errors_total{{kind="{kind}"}}' in farebox.metrics()
        held = "SELECT count(*) FROM charges WHERE state='reserved'"
        farebox.until(lambda: farebox.rows(held) == [(0,)])


def test_an_acceptance_that_cannot_be_written_still_goes_out_and_is_not_lost(
    upstream: Standin, tmp_path: Path
) -> None:
    with running(tmp_path, upstream.url) as farebox:
        key, stranger = farebox.key(), farebox.key()
        before = len(upstream.submits)
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            slow = pool.submit(farebox.submit, key, "standin:slow=1")
            upstream.wait(before + 1, PATH)
            gone(farebox)
            answer = slow.result()
        assert (answer.status_code, state_of(answer)) == (200, "reserved")
        prediction = prediction_of(answer)
        polled = farebox.poll(key, prediction)
        assert (polled.status_code, charge_of(polled)) == (200, charge_of(answer))
        assert farebox.poll(stranger, prediction).status_code == 503
        assert farebox.poll(key, "unknown").status_code == 503
        back(farebox)
        farebox.until(lambda: state_of(farebox.poll(key, prediction)) == "settled")
        assert farebox.charge(charge_of(answer))["state"] == "settled"
        assert farebox.poll(key, "unknown").status_code == 404
        assert FLASH in farebox.charge(charge_of(answer))["model"]
