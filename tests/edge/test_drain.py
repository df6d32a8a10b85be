"""The end of a server, told by signals to real processes."""

import contextlib
import os
import signal
import socket
import time
from collections import Counter
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from proxy.edge.workers import YOUNG_S, Supervisor, Worker, _like
from proxy.server import listen, serve
from tests.edge.echo import EchoSettings, create_echo
from tests.edge.wire import Edge, only, read_all, read_closed, read_some, request, running

EXPECTING = "Expect: 100-continue\r\nContent-Length: 3\r\n"


def in_flight(edge: Edge) -> socket.socket:
    """A call whose app is reading its body."""
    line = edge.connect()
    line.sendall(request("/x", EXPECTING, "POST"))
    read_some(line, b"100 Continue\r\n\r\n")
    return line


def refuses(edge: Edge) -> None:
    """Return when nobody listens any more; one worker may have hung up before the other."""
    with contextlib.suppress(ConnectionRefusedError):
        while True:
            with contextlib.suppress(ConnectionResetError):
                edge.connect().close()


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_calls_in_flight_end_well_and_new_ones_hear_503(workers: int, number: int) -> None:
    with running(workers, drain_s=15) as edge, in_flight(edge) as call, edge.connect() as kept:
        kept.sendall(request("/x"))
        read_some(kept, b'"length": 0}')
        edge.process.send_signal(number)
        refuses(edge)
        kept.sendall(request("/status"))
        late = only(read_all(kept))
        call.sendall(b"abc")
        answer = only(read_all(call))
        assert edge.process.wait(20) == 0
    assert (late.status, late.headers["connection"]) == (503, "close")
    assert (answer.json["body"], answer.headers["connection"]) == ("abc", "close")


@pytest.mark.parametrize("workers", [1, 2])
def test_an_idle_server_ends_although_callers_keep_their_connections(workers: int) -> None:
    with running(workers, drain_s=0.1, sweep_s=0.05) as edge, edge.connect() as kept:
        kept.sendall(request("/x"))
        read_some(kept, b'"length": 0}')
        assert edge.stop() == 0
        assert read_closed(kept) == b""


@pytest.mark.parametrize("workers", [1, 2])
def test_a_second_signal_does_not_wait_for_calls(workers: int) -> None:
    with running(workers) as edge, in_flight(edge) as call:
        edge.process.send_signal(signal.SIGTERM)
        refuses(edge)
        assert edge.stop() == 1
        assert b" 200 " not in read_closed(call)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_hangup_reaches_the_app_and_ends_nothing(workers: int) -> None:
    with running(workers) as edge:
        edge.process.send_signal(signal.SIGHUP)
        while edge.get("/status").json["hangups"] == 0:
            pass
        assert edge.stop() == 0


def pid(edge: Edge) -> int:
    """The process that answers a call; one just killed may still take a connection with it."""
    while True:
        with contextlib.suppress(AssertionError, ConnectionError):
            return int(edge.get("/status").json["pid"])


def test_each_worker_has_a_socket_of_its_own_on_the_one_port() -> None:
    with contextlib.ExitStack() as stack:
        listeners = [stack.enter_context(one) for one in listen("127.0.0.1", 0, 3)]
        assert len({one.fileno() for one in listeners}) == 3
        assert len({one.getsockname() for one in listeners}) == 1


def test_callers_are_shared_out_between_workers() -> None:
    with running(2) as edge:
        pids = [edge.get("/status").json["pid"] for _ in range(100)]
    shares = Counter(pids)
    assert len(shares) == 2
    assert min(shares.values()) >= 20  # with fair coins less comes once in a billion runs


def test_callers_of_dead_workers_wait_for_those_that_take_their_places() -> None:
    with running(2) as edge, contextlib.ExitStack() as stack:
        workers = set()
        while len(workers) < 2:
            workers.add(pid(edge))
        for worker in workers:
            os.kill(worker, signal.SIGSTOP)
        lines = [stack.enter_context(edge.connect()) for _ in range(20)]
        for line in lines:
            line.sendall(request("/status", "Connection: close\r\n"))
        for worker in workers:
            os.kill(worker, signal.SIGKILL)
        served = {only(read_all(line)).json["pid"] for line in lines}
        assert not served & workers
        assert edge.stop() == 0


def test_a_dead_worker_is_replaced_though_nobody_reads_the_log() -> None:
    reader, writer = os.pipe()
    with running(2, writer) as edge:
        workers = set()
        while len(workers) < 2:
            workers.add(pid(edge))
        os.close(reader)
        os.close(writer)
        os.kill(min(workers), signal.SIGKILL)
        while pid(edge) in workers:
            pass
        assert edge.stop() == 0


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "::"])
def test_a_socket_beside_another_takes_callers_only_once_it_listens(host: str) -> None:
    with contextlib.ExitStack() as stack:
        first, second = (stack.enter_context(one) for one in listen(host, 0, 2))
        place = first.getsockname()
        fresh = stack.enter_context(_like(first))
        first.close()
        for _ in range(20):
            stack.enter_context(socket.create_connection(place[:2]))
            second.accept()[0].close()
        fresh.listen()
        fresh.setblocking(False)  # noqa: FBT003
        while True:
            stack.enter_context(socket.create_connection(place[:2]))
            with contextlib.suppress(BlockingIOError):
                fresh.accept()[0].close()
                return


def test_where_a_worker_cannot_start_callers_go_to_those_that_serve(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    needed = tmp_path / "needed"
    needed.touch()
    monkeypatch.setenv("ECHO_NEEDS", str(needed))
    with running(2) as edge:
        workers = set()
        while len(workers) < 2:
            workers.add(pid(edge))
        needed.unlink()
        dead, alive = workers
        os.kill(dead, signal.SIGKILL)
        assert {pid(edge) for _ in range(40)} == {alive}  # none waits at the other's socket
        needed.touch()
        while pid(edge) == alive:
            pass
        assert edge.stop() == 0


def ends_at_once(_listener: socket.socket, _line: Connection) -> int:
    return 0


def test_only_a_second_young_death_in_a_row_leaves_a_pause(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    pauses: list[float] = []
    monkeypatch.setattr(time, "sleep", pauses.append)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        supervisor = Supervisor(ends_at_once, [listener])
        last = Worker(ends_at_once, listener)
        came = []
        for old in (False, False, True, False, False):
            last.started_s -= YOUNG_S * old
            last.process.join()
            supervisor._replace(last, 0)
            last = supervisor.workers[-1]
            came.append(len(pauses))
        last.process.join()
    assert came == [0, 1, 1, 1, 2]
    assert set(pauses) == {Supervisor.pause_s}
    assert capfd.readouterr().err.count("A worker ended with code 0; another takes its place.") == 5


def test_workers_end_when_their_supervisor_is_killed() -> None:
    with running(2) as edge:
        assert pid(edge) != edge.process.pid
        edge.process.kill()
        refuses(edge)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_port_in_use_is_said_in_words(workers: int, capfd: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        settings = EchoSettings(workers, port=taken.getsockname()[1])
        assert serve(settings, create_echo) == 1
    assert "Cannot listen on 127.0.0.1" in capfd.readouterr().err


@pytest.mark.parametrize("workers", [1, 2])
def test_a_port_that_workers_share_is_not_shared_with_another_server(
    workers: int, capfd: pytest.CaptureFixture[str]
) -> None:
    with running(2) as edge:
        assert serve(EchoSettings(workers, port=edge.address[1]), create_echo) == 1
    assert "Cannot listen on 127.0.0.1" in capfd.readouterr().err
