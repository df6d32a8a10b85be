"""An upstream that holds every answer until it is told to let one go."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

WAIT_S = 20.0


class Gate(ThreadingHTTPServer):
    """An upstream whose answers wait: `let` lets some of them go."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Held)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.arrivals = 0
        self._changed = threading.Condition()
        self._go = threading.Semaphore(0)

    def arrived(self) -> int:
        with self._changed:
            self.arrivals += 1
            self._changed.notify_all()
            return self.arrivals

    def until(self, arrivals: int) -> None:
        """Wait until so many calls have come, of which none need be answered."""
        with self._changed:
            assert self._changed.wait_for(lambda: self.arrivals >= arrivals, WAIT_S)

    def hold(self) -> None:
        assert self._go.acquire(timeout=WAIT_S)

    def let(self, count: int) -> None:
        self._go.release(count)

    def let_none(self) -> None:
        """Take back what nobody has used."""
        while self._go.acquire(blocking=False):
            pass


class _Held(BaseHTTPRequestHandler):
    server: Gate
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        number = self.server.arrived()
        self._answer({"id": f"p-{number}", "status": "created"})

    def do_OPTIONS(self) -> None:
        self.server.arrived()
        self._answer({})

    def do_GET(self) -> None:
        self.server.arrived()
        self._answer({"id": self.path.split("/")[-2], "status": "processing"})

    def _answer(self, data: dict[str, str]) -> None:
        self.server.hold()
        body = json.dumps({"code": 200, "message": "success", "data": data}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""
