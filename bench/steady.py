"""A steady load: one call every so often, whatever became of the ones before.

    python -m bench.steady PORT PATH KEY --rate 300 --seconds 60

Prints JSON: for every call when it was sent (seconds of the machine's monotonic clock), how long
its answer took, and its status. Nobody waits for an earlier call, so a stall shows in full.
"""

import argparse
import asyncio
import json
import sys
import time

import uvloop

Line = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Call = tuple[float, float, int]


class Load:
    """Sends calls on connections that are kept and shared, opening one more when all are busy."""

    def __init__(self, port: int, path: str, key: str) -> None:
        head = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: {key}\r\n\r\n"
        self.port, self.request = port, head.encode()
        self.free: list[Line] = []
        self.calls: list[Call] = []

    async def run(self, rate: float, seconds: float) -> None:
        """Send `rate` calls a second."""
        started, calls = time.monotonic(), []
        for number in range(int(rate * seconds)):
            wait_s = started + number / rate - time.monotonic()
            await asyncio.sleep(max(0.0, wait_s))
            calls.append(asyncio.create_task(self._call()))
        await asyncio.gather(*calls)

    async def _call(self) -> None:
        line = await self._line()
        sent_s = time.monotonic()
        line[1].write(self.request)
        status = await _answer(line[0])
        self.calls.append((sent_s, time.monotonic() - sent_s, status))
        self.free.append(line)

    async def _line(self) -> Line:
        while self.free:
            line = self.free.pop()
            if not line[0].at_eof():  # nobody used it for a minute: a proxy closes such a one
                return line
        return await asyncio.open_connection("127.0.0.1", self.port)


async def _answer(reader: asyncio.StreamReader) -> int:
    """Read one answer with a length; its status."""
    head = await reader.readuntil(b"\r\n\r\n")
    lines = head.lower().split(b"\r\n")
    length = next(int(line[15:]) for line in lines if line.startswith(b"content-length:"))
    await reader.readexactly(length)
    return int(head.split(b" ", 2)[1])


def main() -> None:
    """Load, and say what was seen."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("port", type=int)
    parser.add_argument("path")
    parser.add_argument("key")
    parser.add_argument("--rate", type=float, default=300)
    parser.add_argument("--seconds", type=float, default=60)
    asked = parser.parse_args()
    load = Load(asked.port, asked.path, asked.key)
    uvloop.run(load.run(asked.rate, asked.seconds))
    json.dump(load.calls, sys.stdout)


if __name__ == "__main__":
    main()
