"""The receiver that the guide shows takes what Farebox sends, and nothing else."""

import asyncio
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from proxy.clock import now_us
from proxy.instants import instant
from proxy.notify.rules import Mark, Notice
from proxy.notify.webhook import NotTaken, deliver
from tests.docs.blocks import HOUSE

SECRET = "a secret of theirs"
NOTICE = Notice(Mark("key:k", "day", "2026-11-30", 50), "raised", '{"text":"50% reached"}')
SERVES = """
server = HTTPServer(("127.0.0.1", 0), Receiver)
print(server.server_port, flush=True)
server.serve_forever()
"""
PAGE = (HOUSE / "docs/guide/webhook.md").read_text(encoding="utf-8")


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator["subprocess.Popen[str]"]:
    """Run the program of the page, on a port that is free and told first."""
    block = re.search(r"```python\n(.*?)```", PAGE, re.DOTALL)
    assert block
    begun, serves, _ = block[1].partition('HTTPServer(("127.0.0.1", 9000), Receiver)')
    assert serves
    program = tmp_path / "receiver.py"
    program.write_text(begun + SERVES, encoding="utf-8")
    with subprocess.Popen(
        [sys.executable, program], text=True, env={"FAREBOX_NOTIFY_SECRET": SECRET},
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    ) as process:  # fmt: skip
        yield process
        process.terminate()


def test_it_takes_what_is_signed_with_its_secret(receiver: "subprocess.Popen[str]") -> None:
    assert receiver.stdout
    url = f"http://127.0.0.1:{int(receiver.stdout.readline())}/"

    async def send(secret: str | None, *, old_s: int = 0) -> None:
        async with httpx.AsyncClient(trust_env=False) as client:
            await deliver(client, url, secret, NOTICE, instant(now_us() - old_s * 1_000_000))

    asyncio.run(send(SECRET))
    assert receiver.stdout.readline() == "50% reached\n"
    for wrong in (send("another"), send(None), send(SECRET, old_s=900)):
        with pytest.raises(NotTaken, match="401"):
            asyncio.run(wrong)
