"""How the reconciler goes about it: gently, one node a charge, with keys that are in memory."""

import asyncio
import socket
import sys

import pytest

from proxy import reconciler as module
from proxy.keys import fingerprint
from proxy.ledger.leases import lease
from proxy.reconciler import LEASED_US, LOOKS_A_TICK_MAX, TIDY_EVERY_TICKS, next_look_us
from proxy.version import __version__
from tests.reconciler.node import GIVE_UP_S, POLL_AFTER_S, UPSTREAM_KEY, Clock, Node, node
from tests.standin.refusals import refusal
from tests.standin.server import Standin

OWN = "sk-own-0123456789abcdefgh"


@pytest.mark.parametrize(
    ("looks", "factor"),
    [(0, 1), (1, 2), (2, 4), (3, 5), (4, 5), (5, 5), (6, 10), (7, 20), (8, 40), (9, 60), (99, 60)],
)
def test_looks_grow_apart(looks: int, factor: int) -> None:
    assert next_look_us(looks, 60_000_000) == factor * 60_000_000


async def test_a_charge_is_looked_at_when_it_is_due_and_then_ever_later(
    here: Node, clock: Clock, upstream: Standin
) -> None:
    fare = await here.buy(await here.key(), "never")
    polls = []
    for _ in range(16):
        clock.step(seconds=POLL_AFTER_S + 1)
        await here.reconciler.tick()
        polls.append(len(upstream.calls) - 1)
    assert polls == [1, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 4, 5, 5, 5, 5]
    assert (await here.now(fare)).looks == 5


async def test_the_last_look_is_at_the_hour_of_giving_up(here: Node, clock: Clock) -> None:
    fare = await here.buy(await here.key(), "never")
    clock.step(seconds=GIVE_UP_S - 30)
    await here.reconciler.tick()
    later = await here.now(fare)
    assert later.due_us == fare.admitted_us + GIVE_UP_S * 1_000_000


async def test_a_clients_poll_puts_ours_off(here: Node, clock: Clock, upstream: Standin) -> None:
    fare = await here.buy(await here.key())
    clock.step(seconds=POLL_AFTER_S - 1)
    here.fares.seen(fare)
    await here.reconciler.tick()
    clock.step(seconds=2)
    await here.reconciler.tick()
    assert len(upstream.calls) == 1  # the submit
    clock.step(seconds=POLL_AFTER_S)
    await here.reconciler.tick()
    assert len(upstream.calls) == 2


async def test_a_client_that_polls_for_ever_puts_off_no_end(here: Node, clock: Clock) -> None:
    fare = await here.buy(await here.key(), "never")
    end_us = fare.admitted_us + GIVE_UP_S * 1_000_000
    for ahead_s in (GIVE_UP_S - POLL_AFTER_S // 2, POLL_AFTER_S // 4):
        clock.step(seconds=ahead_s)
        here.fares.seen(fare)
        assert await here.reconciler.tick() == 0
        assert (await here.now(fare)).due_us == end_us
    clock.step(seconds=POLL_AFTER_S)
    here.fares.seen(fare)
    assert await here.reconciler.tick() == 1
    assert (await here.now(fare)).ground == "assumed"


async def test_a_tick_looks_at_so_many_and_no_more(
    here: Node, clock: Clock, upstream: Standin
) -> None:
    key = await here.key()
    bought = LOOKS_A_TICK_MAX + 5
    await asyncio.gather(*(here.buy(key) for _ in range(bought)))
    clock.step(seconds=POLL_AFTER_S + 1)
    assert await here.reconciler.tick() == LOOKS_A_TICK_MAX
    assert len(upstream.calls) == bought + LOOKS_A_TICK_MAX


@pytest.mark.parametrize(("fault", "limit"), [("silence", "BEGUN_S"), ("stall", "LOOK_S")])
async def test_an_answer_that_does_not_come_to_its_end_is_not_waited_for(
    here: Node, clock: Clock, fault: str, limit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fare = await here.buy(await here.key(), f"polls=1 big=400000 poll-{fault}=1")
    clock.step(seconds=POLL_AFTER_S + 1)
    with monkeypatch.context() as soon:
        soon.setattr(module, limit, 0.2)
        await here.reconciler.tick()
    assert (here.counted["error"], (await here.now(fare)).state) == (1, "accepted")
    assert here.upstream.pool.connections == 1  # the submit's
    clock.step(hours=1)
    await here.reconciler.tick()
    assert (await here.now(fare)).state == "settled"


async def test_two_nodes_never_ask_about_the_same_charge(
    here: Node, url: str, clock: Clock, upstream: Standin
) -> None:
    key = await here.key()
    bought = [await here.buy(key, "never") for _ in range(30)]
    clock.step(seconds=POLL_AFTER_S + 1)
    async with node(url, upstream.url, name="elsewhere:1:1") as there:
        await asyncio.gather(here.reconciler.tick(), there.reconciler.tick())
    asked = [call.path for call in upstream.calls[len(bought) :]]
    assert len(asked) == len(set(asked)) == len(bought)


async def test_the_leases_of_a_node_that_fell_silent_pass_on(
    here: Node, clock: Clock, upstream: Standin
) -> None:
    await here.buy(await here.key())
    clock.step(seconds=POLL_AFTER_S + 1)
    leased = await here.writer.transact(lease("elsewhere:1:1", limit=5, for_us=LEASED_US))
    assert len(leased) == 1
    clock.step(seconds=LEASED_US / 1e6 - 1)
    assert await here.reconciler.tick() == 0
    clock.step(seconds=2)
    assert await here.reconciler.tick() == 1


async def test_the_leases_of_a_killed_process_of_this_host_pass_on_at_the_next_start(
    here: Node, clock: Clock
) -> None:
    await here.buy(await here.key())
    clock.step(seconds=POLL_AFTER_S + 1)
    ended = await asyncio.create_subprocess_exec(sys.executable, "-c", "")
    await ended.wait()
    dead = f"{socket.gethostname()}:{ended.pid}:1"
    await here.writer.transact(lease(dead, limit=5, for_us=LEASED_US))
    assert await here.reconciler.tick() == 0
    await here.fares.recover(stale_us=600_000_000)
    assert await here.reconciler.tick() == 1


async def test_an_own_key_asks_while_its_secret_is_in_memory(
    here: Node, clock: Clock, upstream: Standin
) -> None:
    fare = await here.buy(await here.key(), "polls=1", secret=OWN)
    clock.step(seconds=POLL_AFTER_S + 1)
    here.secrets[fingerprint(OWN)] = OWN
    await here.reconciler.tick()
    assert upstream.last("predictions").header(b"authorization") == b"Bearer " + OWN.encode()
    assert (await here.now(fare)).state == "settled"


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("secret", [UPSTREAM_KEY, OWN])
@pytest.mark.parametrize(
    ("auth", "turned_away", "asked"),
    [
        ("raw", 0, ["{}"]),
        ("bearer", 0, ["Bearer {}"]),
        ("mirror", 0, ["Bearer {}"]),
        ("mirror", 1, ["Bearer {}", "{}"]),
        ("mirror", 2, ["Bearer {}", "{}"]),
        ("bearer", 1, ["Bearer {}"]),
        ("raw", 1, ["{}"]),
    ],
)
async def test_a_key_is_spelled_as_is_set_and_the_asker_says_who_it_is(
    url: str, clock: Clock, upstream: Standin, auth: str, turned_away: int, asked: list[str],
    secret: str,
) -> None:  # fmt: skip
    async with node(url, upstream.url, upstream_auth=auth, secrets={fingerprint(OWN): OWN}) as here:
        fare = await here.buy(await here.key(), "polls=1", secret=secret)
        upstream.reply(*[refusal("path", 401)] * turned_away)
        clock.step(seconds=POLL_AFTER_S + 1)
        await here.reconciler.tick()
        polls = upstream.calls[1:]
        sent = [(poll.header(b"authorization") or b"").decode() for poll in polls]
        assert sent == [each.format(secret) for each in asked]
        assert {poll.header(b"user-agent") for poll in polls} == {f"farebox/{__version__}".encode()}
        let_in = turned_away < len(asked)
        assert (await here.now(fare)).state == ("settled" if let_in else "accepted")


async def test_without_its_secret_an_own_keys_charge_waits_for_time(
    here: Node, clock: Clock, upstream: Standin
) -> None:
    fare = await here.buy(await here.key(), secret=OWN)
    clock.step(hours=1)
    await here.reconciler.tick()
    assert here.counted["no_key"] == 1
    assert (await here.now(fare)).state == "accepted"
    clock.step(hours=23)
    await here.reconciler.tick()
    assert (await here.now(fare)).ground == "assumed"
    assert len(upstream.calls) == 1  # the submit


async def test_a_secret_is_forgotten_with_its_last_open_charge(here: Node, clock: Clock) -> None:
    await here.buy(await here.key(), "polls=1", secret=OWN)
    here.secrets[fingerprint(OWN)] = OWN
    for _ in range(TIDY_EVERY_TICKS):
        await here.reconciler.tick()
    assert here.secrets
    clock.step(seconds=POLL_AFTER_S + 1)
    for _ in range(TIDY_EVERY_TICKS):
        await here.reconciler.tick()
    assert not here.secrets
