"""The stand-in upstream: a real server on a loopback port, in a thread and a loop of its own."""

import asyncio
import contextlib
import itertools
import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Coroutine
from pathlib import Path
from typing import Any, Literal, Self, TypeVar

from tests.standin import control
from tests.standin.bill import Bill, Price, list_price
from tests.standin.exchange import Exchange, Options
from tests.standin.jobs import Job, Jobs
from tests.standin.scenarios import parse
from tests.standin.wire import HEAD_MAX, Call, Head, Reply, read_body, read_head, send

T = TypeVar("T")
START_S = 10.0


class Standin:
    """`with Standin() as upstream:` or `async with`; every member may be asked from any thread.

    At speed 0 a job is finished at its second poll (`polls`); above 0 it takes the seconds that
    its model would, times speed. `charge_on` says what the upstream bills for: completions, or
    every accepted submit. `keys` None takes any `sk-…` key except Farebox's own. `say` is told
    to every call. The last `keep` calls are remembered. A connection that asks nothing for
    `idle_s` is closed.
    """

    def __init__(
        self,
        *,
        seed: int = 1,
        speed: float = 0.0,
        polls: int = 2,
        charge_on: Literal["completion", "submit"] = "completion",
        keys: Collection[str] | None = None,
        bill_file: Path | None = None,
        price: Price = list_price,
        public: str | None = None,
        say: str = "",
        host: str = "127.0.0.1",
        port: int = 0,
        keep: int = 10_000,
        idle_s: float | None = None,
    ) -> None:
        self.host = host
        self.port = port
        self.bill: Bill = Bill(bill_file)
        self.connections = 0
        self.mistakes: list[BaseException] = []
        self._public = public
        self._idle_s = idle_s
        self._jobs = Jobs(seed=seed, speed=speed, polls=polls)
        self._exchange = Exchange(
            Options(charge_on=charge_on, keys=keys, price=price, say=parse(say)),
            self._jobs,
            self.bill,
        )
        self._calls: deque[Call] = deque(maxlen=keep)
        self._arrived = threading.Condition()
        self._numbers = itertools.count(1)
        self._open: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="stand-in", daemon=True)

    # -- life

    def start(self) -> Self:
        self._thread.start()
        self._run(self._listen())
        self._exchange.options.public = self._public or self.url
        return self

    def stop(self) -> None:
        self._run(self._silence())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(START_S)
        self._loop.close()
        self.bill.close()

    def down(self) -> None:
        """Stop listening and drop every connection, as a crashed host does; `up` undoes it."""
        self._run(self._silence())

    def up(self) -> None:
        """Listen again, on the same port."""
        self._run(self._listen())

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    async def __aenter__(self) -> Self:
        return await asyncio.to_thread(self.start)

    async def __aexit__(self, *_: object) -> None:
        await asyncio.to_thread(self.stop)

    # -- what was seen

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    @property
    def calls(self) -> tuple[Call, ...]:
        """The requests that arrived whole, oldest first."""
        with self._arrived:
            return tuple(self._calls)

    @property
    def submits(self) -> tuple[Call, ...]:
        """The POSTs under /api/v3."""
        return tuple(c for c in self.calls if c.method == "POST" and c.path.startswith("/api/v3/"))

    @property
    def jobs(self) -> tuple[Job, ...]:
        """The jobs that were made, in order."""
        return self._jobs.all

    def last(self, path: str = "") -> Call:
        """The last call whose path holds the text; LookupError if there is none."""
        found = [call for call in self.calls if path in call.path]
        if not found:
            raise LookupError(f"no call to {path!r} among {len(self.calls)}")
        return found[-1]

    async def called(self, count: int = 1, path: str = "", *, timeout_s: float = 10.0) -> None:
        """Wait until so many calls whose path holds the text have arrived; TimeoutError if not."""
        await asyncio.to_thread(self.wait, count, path, timeout_s=timeout_s)

    def wait(self, count: int = 1, path: str = "", *, timeout_s: float = 10.0) -> None:
        """As `called`, for threads."""

        def enough() -> bool:
            return sum(path in call.path for call in self._calls) >= count

        with self._arrived:
            if not self._arrived.wait_for(enough, timeout_s):
                raise TimeoutError(f"fewer than {count} calls to {path!r}")

    # -- what is said (done before it returns; `later` for callers on the server's own loop)

    def say(self, words: str, *, later: bool = False) -> None:
        """Tell every call from now on (`"failed polls=1"`); an empty text takes it back."""
        said = parse(words)
        self._call(lambda: setattr(self._exchange.options, "say", said), later=later)

    def next(self, *each: str, later: bool = False) -> None:
        """Tell the next submits, one text each."""
        said = [parse(words) for words in each]
        self._call(lambda: self._exchange.armed.extend(said), later=later)

    def reply(self, *replies: Reply, later: bool = False) -> None:
        """Answer the next calls with these, whatever they ask, without a job or a look at keys."""
        self._call(lambda: self._exchange.replies.extend(replies), later=later)

    def always(self, reply: Reply | None) -> None:
        """Answer every call with this from now on; None takes it back."""
        self._call(lambda: setattr(self._exchange, "standing_reply", reply))

    def finish(self, *ids: str, later: bool = False) -> None:
        """End these jobs now, or all that have not ended."""
        ending = [job for job in self.jobs if not ids or job.id in ids]
        self._call(lambda: self._exchange.finish(*ending), later=later)

    # -- the server

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(
            self._connected, self.host, self.port, limit=HEAD_MAX, backlog=2048
        )
        self.port = self._server.sockets[0].getsockname()[1]

    async def _silence(self) -> None:
        if self._server is not None:
            self._server.close()
        for task in tuple(self._open):
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        self.connections = number = next(self._numbers)
        try:
            while await self._one(reader, writer, number):
                pass
        except asyncio.CancelledError:
            writer.transport.abort()  # stopping: what a slow reader has not taken stays unsent
        except (OSError, asyncio.IncompleteReadError):
            pass  # the peer left, or was idle for too long
        except Exception as error:  # noqa: BLE001
            self.mistakes.append(error)
        finally:
            self._open.discard(task)
            with contextlib.suppress(OSError):
                writer.close()

    async def _one(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int
    ) -> bool:
        head = await self._head(reader)
        if head is None:
            return False
        say = self._exchange.told(head)
        reply = self._exchange.unread(head, say)
        if reply is None:
            call = Call(head, await read_body(reader, writer, head), number, time.time())
            self._note(call)
            reply = control.answer(self, call) or await self._exchange.answer(call, say)
        keeps = await send(reader, writer, reply, method=head.method)
        return keeps and (head.header(b"connection") or b"").lower() != b"close"

    async def _head(self, reader: asyncio.StreamReader) -> Head | None:
        """Wait for a request; one that came while this process stalled is not idleness.

        A loop that wakes late sees the request and the end of the idle time together: to close
        then would reset a connection with a call on it.
        """
        reading = asyncio.ensure_future(read_head(reader))
        try:
            await asyncio.wait({reading}, timeout=self._idle_s)
            for _ in range(3):
                await asyncio.sleep(0)  # what has come is read before anybody is called idle
            if reading.done():
                return reading.result()
            raise TimeoutError
        finally:
            reading.cancel()

    def _note(self, call: Call) -> None:
        if not call.path.startswith("/standin/"):
            with self._arrived:
                self._calls.append(call)
                self._arrived.notify_all()

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(START_S)

    def _call(self, work: Callable[[], None], *, later: bool = False) -> None:
        if later:
            self._loop.call_soon_threadsafe(work)
            return

        async def done() -> None:
            work()

        self._run(done())
