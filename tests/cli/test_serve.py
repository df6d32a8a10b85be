"""`farebox serve` that cannot have its port says so in one line, and what to do."""

import socket

import pytest

from tests.cli.running import Program


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_port_that_is_taken_is_one_line_that_says_what_to_do(
    workers: str, program: Program
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ran = program("serve", "--port", str(port), "--workers", workers)
    where = f"farebox: Cannot listen on 127.0.0.1:{port}: "
    why = "the port is taken; choose another with --port or FAREBOX_PORT\n"
    assert (ran.code, ran.err) == (1, where + why)


def test_another_reason_is_said_without_its_number(program: Program) -> None:
    program.set("ADMIN_TOKEN", "x" * 32)
    ran = program("serve", "--host", "192.0.2.1", "--port", "4000")
    assert ran.code == 1
    assert ran.err.startswith("farebox: Cannot listen on 192.0.2.1:4000: ")
    assert ran.err.count("\n") == 1
    assert "Errno" not in ran.err
