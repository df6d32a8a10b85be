"""A real receiver of webhooks on loopback: keeps what it was sent, answers as it is told."""

import json
import queue
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

WAIT_S = 40.0  # a budget must be below its mark for 10 s before that is told


@dataclass(frozen=True)
class Delivery:
    """One request, whatever was answered to it."""

    headers: dict[str, str]
    body: bytes
    answered: int

    @property
    def facts(self) -> Any:
        return json.loads(self.body)


@dataclass
class Receiver:
    """`with Receiver() as receiver`; `refuse` says how often it answers 500 first."""

    refuse: int = 0
    deliveries: queue.Queue[Delivery] = field(default_factory=queue.Queue)

    def __enter__(self) -> Self:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/hook"

    def next(self) -> Delivery:
        return self.deliveries.get(timeout=WAIT_S)

    def taken(self, count: int) -> list[Delivery]:
        """Wait for so many deliveries that were answered with 200."""
        found: list[Delivery] = []
        while len(found) < count:
            if (delivery := self.next()).answered == 200:
                found.append(delivery)
        return found

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                status = 500 if receiver.refuse > 0 else 200
                receiver.refuse -= 1
                headers = {name.lower(): value for name, value in self.headers.items()}
                self.send_response(status)
                self.send_header("content-length", "0")
                self.end_headers()
                receiver.deliveries.put(Delivery(headers, body, status))

            def log_message(self, *_: object) -> None:
                pass

        return Handler
