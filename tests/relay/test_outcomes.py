"""What the upstream did decides the fare: the table of the interface, section 5, end to end."""

import socket
from pathlib import Path

import httpx
import pytest

from tests.relay.house import (
    PATH,
    PRICE,
    PRICE_MICROS,
    UNIFIED,
    Farebox,
    charge_of,
    prediction_of,
    running,
    state_of,
)
from tests.standin.server import Standin
from tests.standin.wire import Reply

RESERVE = ("reserve", PRICE_MICROS, 0)
ACCEPT = ("accept", 0, 0)
SETTLE = ("settle", -PRICE_MICROS, PRICE_MICROS)
RELEASE = ("release", -PRICE_MICROS, 0)
CORRECT = ("correct", 0, PRICE_MICROS)
DOUBT = ("doubt", 0, 0)

SUBMITS = [
    pytest.param("", 200, "accepted", [ACCEPT], id="taken"),
    pytest.param("standin:list", 200, "accepted", [ACCEPT], id="taken, data is a list"),
    pytest.param("standin:sync", 200, "settled", [ACCEPT, SETTLE], id="made while it waited"),
    pytest.param("standin:sync standin:empty", 200, "settled", [ACCEPT, SETTLE], id="no outputs"),
    pytest.param("standin:sync standin:failed", 200, "released", [ACCEPT, RELEASE], id="failed"),
    pytest.param("standin:sync-5004", 200, "accepted", [ACCEPT], id="gave up waiting"),
    pytest.param("standin:sync-created", 200, "accepted", [ACCEPT], id="did not wait"),
    pytest.param("standin:chunked", 200, "accepted", [ACCEPT], id="chunked"),
    pytest.param("standin:gzip", 200, "accepted", [ACCEPT], id="gzip though not asked"),
    pytest.param("standin:eof", 200, "accepted", [ACCEPT], id="ends with the connection"),
    pytest.param("standin:two", 200, "accepted", [ACCEPT], id="two answers"),
    pytest.param("standin:1xx", 200, "accepted", [ACCEPT], id="informational answers first"),
    pytest.param("standin:envelope", 200, "released", [RELEASE], id="an error in a 200"),
    *(
        pytest.param(f"standin:{status}", status, "released", [RELEASE], id=f"says {status}")
        for status in (400, 401, 402, 403, 404, 413, 422, 429, 500, 503)
    ),
    pytest.param("standin:policy", 400, "released", [RELEASE], id="content policy"),
    pytest.param("standin:422 standin:html", 422, "released", [RELEASE], id="422 as a page"),
    pytest.param("standin:500 standin:html", 500, "uncertain", [DOUBT], id="500 as a page"),
    pytest.param("standin:503 standin:text", 503, "uncertain", [DOUBT], id="503 as text"),
    *(
        pytest.param(f"standin:{status}", status, "uncertain", [DOUBT], id=f"says {status}")
        for status in (408, 409, 418, 425, 502, 504)
    ),
    pytest.param("standin:redirect", 307, "uncertain", [DOUBT], id="redirected"),
    pytest.param("standin:unreadable", 200, "uncertain", [DOUBT], id="a page in a 200"),
    pytest.param("standin:nothing", 200, "uncertain", [DOUBT], id="an empty 200"),
    pytest.param("standin:half-json", 200, "uncertain", [DOUBT], id="half a document"),
    pytest.param("standin:no-id", 200, "uncertain", [DOUBT], id="no id"),
    *(
        pytest.param(f"standin:{fault}", 502, "uncertain", [DOUBT], id=fault)
        for fault in (
            *("reset", "hangup", "garbage", "truncated", "cut-chunk", "no-last-chunk"),
            *("reset-middle", "two-lengths", "both-framings", "big-head"),
        )
    ),
]


@pytest.mark.parametrize(("prompt", "status", "state", "entries"), SUBMITS)
def test_a_fare_is_decided_by_what_the_upstream_did(
    prompt: str,
    status: int,
    state: str,
    entries: list[tuple[str, int, int]],
    *,
    farebox: Farebox,
    rich: str,
) -> None:
    answer = farebox.submit(rich, prompt)
    assert (answer.status_code, state_of(answer)) == (status, state), answer.text[:300]
    assert farebox.entries(charge_of(answer)) == [RESERVE, *entries]
    cost = "0.000000" if state == "released" else PRICE
    assert answer.headers["x-farebox-cost-usd"] == cost


POLLED = [
    pytest.param("", "settled", SETTLE, id="completed"),
    pytest.param("standin:end=succeeded", "settled", SETTLE, id="succeeded"),
    pytest.param("standin:empty", "settled", SETTLE, id="no outputs settle as reserved"),
    pytest.param("standin:no-outputs", "settled", SETTLE, id="no member outputs"),
    pytest.param("standin:warning", "settled", SETTLE, id="completed with a warning"),
    pytest.param("standin:flip", "settled", SETTLE, id="completed, and later failed"),
    pytest.param("standin:failed", "released", RELEASE, id="failed"),
    pytest.param("standin:failed-silent", "released", RELEASE, id="failed without a word"),
    pytest.param("standin:end=cancelled", "released", RELEASE, id="cancelled"),
    pytest.param("standin:end=expired", "released", RELEASE, id="expired"),
]


@pytest.mark.parametrize("path", [PATH, UNIFIED])
@pytest.mark.parametrize(("prompt", "state", "entry"), POLLED)
def test_a_poll_decides_once_however_often_it_is_read(
    prompt: str,
    state: str,
    entry: tuple[str, int, int],
    path: str,
    *,
    farebox: Farebox,
    rich: str,
) -> None:
    taken = farebox.submit(rich, prompt, path=path)
    prediction, unified = prediction_of(taken), path == UNIFIED
    polls = [farebox.poll(rich, prediction, unified=unified) for _ in range(4)]
    assert [state_of(poll) for poll in polls] == ["accepted", *[state] * 3]
    assert farebox.entries(charge_of(taken)) == [RESERVE, ACCEPT, entry]


@pytest.mark.parametrize("path", [PATH, UNIFIED])
def test_images_that_come_after_a_failure_are_charged_once(
    path: str, farebox: Farebox, rich: str
) -> None:
    taken = farebox.submit(rich, "standin:flip-back", path=path)
    prediction, unified = prediction_of(taken), path == UNIFIED
    polls = [farebox.poll(rich, prediction, unified=unified) for _ in range(4)]
    assert [state_of(poll) for poll in polls] == ["accepted", *["released"] * 3]
    assert [poll.headers["x-farebox-cost-usd"] for poll in polls[1:]] == ["0.000000", PRICE, PRICE]
    assert farebox.entries(charge_of(taken)) == [RESERVE, ACCEPT, RELEASE, CORRECT]
    shown = farebox.charge(charge_of(taken))
    assert (shown["ground"], shown["reason"]) == ("contradicted", "failed")
    counted = 'farebox_contradictions_total{model="gemini-3.1-flash-image-preview"}'
    assert counted in farebox.metrics()


@pytest.mark.parametrize(
    "prompt",
    ["standin:never", "standin:unknown standin:never", "standin:gone", "standin:poll-500",
     "standin:poll-half-json", "standin:poll-reset"],
)  # fmt: skip
def test_what_does_not_say_the_end_leaves_the_fare_held(
    prompt: str, farebox: Farebox, rich: str
) -> None:
    taken = farebox.submit(rich, prompt)
    for _ in range(3):
        assert state_of(farebox.poll(rich, prediction_of(taken))) == "accepted"
    assert farebox.charge(charge_of(taken))["state"] == "accepted"


def test_who_gives_up_before_the_first_look_is_due_looks_then(
    tmp_path: Path, upstream: Standin
) -> None:
    with running(tmp_path, upstream.url, give_up_after="1s") as farebox:  # the look is due at 60 s
        key = farebox.key(daily_micros=1_000_000)
        silent, done = (farebox.submit(key, f"standin:{say}") for say in ("never", "polls=0"))
        ids = charge_of(silent), charge_of(done)  # either may be due first
        farebox.until(
            lambda: [farebox.charge(each)["ground"] for each in ids] == ["assumed", "answer"]
        )


def test_nothing_sent_is_nothing_owed(farebox: Farebox, upstream: Standin, rich: str) -> None:
    upstream.down()
    try:
        answer = farebox.submit(rich)
    finally:
        upstream.up()
    assert (answer.status_code, state_of(answer)) == (502, "released")
    assert answer.headers["x-farebox-refused"] == "upstream_unreachable"
    assert "released" in answer.json()["error"]["message"]
    assert farebox.entries(charge_of(answer)) == [RESERVE, RELEASE]


def test_an_upstream_that_never_answers_leaves_an_uncertain_fare(start: object) -> None:
    farebox = start(upstream_timeout="1s")  # type: ignore[operator]
    answer = farebox.submit(farebox.key(), "standin:silence")
    assert (answer.status_code, state_of(answer)) == (504, "uncertain")
    assert answer.json()["error"]["type"] == "upstream_timeout"
    assert "uncertain" in answer.json()["message"]


def test_an_uncertain_fare_is_held_until_it_is_decided(farebox: Farebox) -> None:
    key = farebox.key(daily_micros=PRICE_MICROS)
    assert state_of(farebox.submit(key, "standin:reset")) == "uncertain"
    assert farebox.balance(key) == (0, PRICE_MICROS)
    assert farebox.submit(key).status_code == 402


def test_a_late_acceptance_is_uncertain_and_its_job_is_never_free(
    farebox: Farebox, upstream: Standin, rich: str
) -> None:
    billed = len(upstream.bill.lines)
    answer = farebox.submit(rich, "standin:504 standin:late")
    assert (answer.status_code, state_of(answer)) == (504, "uncertain")
    assert len(upstream.bill.lines) == billed + 1


def test_an_id_handed_out_twice_leaves_the_old_fare_alone(farebox: Farebox, rich: str) -> None:
    first = farebox.submit(rich, "standin:dup=a")
    second = farebox.submit(rich, "standin:dup=a")
    assert prediction_of(first) == prediction_of(second)
    assert (state_of(first), state_of(second)) == ("accepted", "uncertain")
    for _ in range(2):
        farebox.poll(rich, prediction_of(first))
    assert farebox.charge(charge_of(first))["state"] == "settled"
    assert farebox.charge(charge_of(second))["state"] == "uncertain"
    assert f"handed out twice: charge {charge_of(second)}" in farebox.log.read_text()


def test_a_second_answer_never_reaches_the_next_call(farebox: Farebox, rich: str) -> None:
    farebox.submit(rich, "standin:two")
    seen = [prediction_of(farebox.submit(rich)) for _ in range(5)]
    assert len(set(seen)) == 5
    assert "stolen" not in seen


def test_a_zip_bomb_is_not_unpacked(farebox: Farebox, rich: str) -> None:
    answer = farebox.client.send(
        farebox.client.build_request(
            "POST",
            f"{farebox.url}{PATH}",
            json={"prompt": "standin:bomb"},
            headers={"Authorization": rich},
        ),
        stream=True,
    )
    assert sum(map(len, answer.iter_raw())) < 1_000_000
    farebox.until(lambda: farebox.charge(charge_of(answer))["state"] == "uncertain")


def test_a_packed_picture_is_read_however_large(farebox: Farebox, rich: str) -> None:
    asked = farebox.submit(rich, "standin:polls=1 standin:big=4000000 standin:poll-gzip")
    seen = farebox.poll(rich, prediction_of(asked))
    assert seen.headers["content-encoding"] == "gzip"
    farebox.until(lambda: farebox.charge(charge_of(asked))["state"] == "settled")


def hang_up(farebox: Farebox, upstream: Standin, key: str, prompt: str, *, read_bytes: int) -> None:
    """Submit, read so much of the answer, and reset the connection."""
    calls = sum(call.path == PATH for call in upstream.calls)
    body = b'{"prompt":"%b"}' % prompt.encode()
    head = f"POST {PATH} HTTP/1.1\r\nHost: x\r\nAuthorization: {key}\r\n"
    line = socket.create_connection(("127.0.0.1", farebox.port), timeout=30)
    line.sendall(head.encode() + b"Content-Length: %d\r\n\r\n%b" % (len(body), body))
    upstream.wait(calls + 1, PATH)
    if read_bytes:
        line.recv(read_bytes)
    line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    line.close()


@pytest.mark.parametrize(
    ("prompt", "read_bytes"),
    [("standin:sync standin:slow=0.5", 0), ("standin:sync standin:big=8000000", 1000)],
)
def test_a_caller_who_hangs_up_changes_nothing(
    prompt: str, read_bytes: int, farebox: Farebox, upstream: Standin
) -> None:
    key = farebox.key(daily_micros=10 * PRICE_MICROS)
    hang_up(farebox, upstream, key, prompt, read_bytes=read_bytes)
    farebox.until(lambda: farebox.balance(key) == (PRICE_MICROS, 0))


def test_twenty_megabytes_stream_through_and_settle(farebox: Farebox, rich: str) -> None:
    answer = farebox.submit(rich, "standin:sync standin:big=20000000")
    assert len(answer.json()["data"]["outputs"][0]) == 20_000_000
    assert state_of(answer) == "reserved"  # the headers of a large answer tell the state before
    farebox.until(lambda: farebox.charge(charge_of(answer))["state"] == "settled")


def test_what_streams_through_is_not_held(farebox: Farebox, rich: str) -> None:
    def peak_bytes() -> int:
        assert farebox.process is not None
        status = Path(f"/proc/{farebox.process.pid}/status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0]) * 1024

    farebox.submit(rich, "standin:sync standin:big=1000000")
    before = peak_bytes()
    answer = farebox.submit(rich, "standin:sync standin:big=60000000")
    assert len(answer.content) > 60_000_000
    assert peak_bytes() - before < 20_000_000


@pytest.mark.parametrize("fault", ["cut-chunk", "truncated", "reset-middle", "no-last-chunk"])
def test_a_streamed_answer_that_is_cut_is_seen_cut_and_stays_uncertain(
    fault: str, farebox: Farebox, rich: str
) -> None:
    url, headers = f"{farebox.url}{PATH}", {"Authorization": rich}
    body = {"prompt": f"standin:sync standin:big=400000 standin:{fault}"}
    before = farebox.log.stat().st_size
    with (
        farebox.client.stream("POST", url, json=body, headers=headers) as answer,
        pytest.raises(httpx.HTTPError),
    ):
        answer.read()
    charge = answer.headers["x-farebox-charge-id"]
    farebox.until(lambda: farebox.charge(charge)["state"] == "uncertain")
    farebox.until(lambda: charge in farebox.log.read_text())
    said = farebox.log.read_text()[before:]
    assert '"level":"error"' not in said, said


SOLD = [
    # n asked, images made; what is held at first, what it comes to
    pytest.param("standin:sync", 1, 1, 22_400, 22_400, id="one of one"),
    pytest.param("standin:sync", 4, 4, 89_600, 89_600, id="four of four"),
    pytest.param("standin:sync standin:fewer", 4, 3, 89_600, 67_200, id="fewer than asked"),
    pytest.param("standin:sync standin:empty", 4, 4, 89_600, 89_600, id="none are as reserved"),
    pytest.param("standin:sync standin:more", 2, 3, 44_800, 67_200, id="an overrun"),
]


@pytest.mark.parametrize(("prompt", "n", "sold", "held", "spent"), SOLD)
def test_what_was_sold_is_what_is_charged(
    prompt: str, n: int, sold: int, held: int, spent: int, *, farebox: Farebox, rich: str
) -> None:
    kling = "/api/v3/kling/kling-image-o1/text-to-image"
    answer = farebox.submit(rich, prompt, path=kling, n=n)
    charge = farebox.charge(charge_of(answer))
    assert (charge["state"], charge["sold_images"]) == ("settled", sold)
    assert (charge["reserved_micros"], charge["settled_micros"]) == (held, spent)


def test_a_model_that_sold_more_than_one_reserves_n_from_then_on(start: object) -> None:
    farebox = start(timezone="Europe/Berlin")  # type: ignore[operator]  # one of its own
    key = farebox.key(daily_micros=20 * PRICE_MICROS)
    over = farebox.submit(key, "standin:sync standin:outputs=3", n=3)
    assert over.headers["x-farebox-cost-usd"] == "0.120600"
    assert farebox.rows("SELECT value FROM tallies WHERE name='overruns'") == [(1,)]
    dry = farebox.submit(key, n=4, headers={"x-farebox-dry-run": "1"})
    assert dry.json()["price_usd"] == "0.160800"
    assert farebox.submit(key, n=4).headers["x-farebox-cost-usd"] == "0.160800"


@pytest.mark.parametrize("path", [PATH, UNIFIED])
def test_charged_on_submit_a_fare_is_settled_at_acceptance(path: str, start: object) -> None:
    farebox = start(charge_on="submit")  # type: ignore[operator]
    key = farebox.key(daily_micros=20 * PRICE_MICROS)
    taken = farebox.submit(key, "standin:failed", path=path)
    assert state_of(taken) == "settled"
    for _ in range(3):
        poll = farebox.poll(key, prediction_of(taken), unified=path == UNIFIED)
        assert (state_of(poll), poll.headers["x-farebox-cost-usd"]) == ("settled", PRICE)
    assert farebox.balance(key) == (PRICE_MICROS, 0)
    refused = farebox.submit(key, "standin:402", path=path)
    assert state_of(refused) == "released"


def test_charged_on_submit_what_is_ready_without_an_id_is_charged_whole(
    start: object, upstream: Standin
) -> None:
    farebox = start(charge_on="submit")  # type: ignore[operator]
    key = farebox.key(daily_micros=-1)
    two = b'{"created":1,"data":[{"url":"https://x/a.png"},{"url":"https://x/b.png"}]}'
    upstream.reply(Reply(200, ((b"Content-Type", b"application/json"),), (two,)))
    answer = farebox.submit(key, path=UNIFIED, model="openai/gpt-image-1-mini", n=4)
    charge = farebox.charge(charge_of(answer))
    assert (charge["state"], charge["images"], charge["sold_images"]) == ("settled", 4, 4)
    assert charge["settled_micros"] == charge["reserved_micros"]
