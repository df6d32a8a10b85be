"""llhttp's strict reading of one answer, its complaints translated (pure)."""

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from proxy.upstream.errors import Broken

FIELDS_MAX = 200


class Parser:
    """Reads one answer; `heard` says how far it got."""

    __slots__ = ("_llhttp", "heard")

    def __init__(self) -> None:
        self.heard = Heard()
        self._llhttp = HttpResponseParser(self.heard)

    @property
    def status(self) -> int:
        """The status code, once the head is complete."""
        return self._llhttp.get_status_code()

    def feed(self, data: bytes | memoryview) -> None:
        """Read on; raises Broken for anything that is not strict HTTP/1."""
        try:
            self._llhttp.feed_data(data)
        except (HttpParserError, HttpParserUpgrade) as error:
            raise Broken(f"the answer is not valid HTTP: {error}") from error


class Heard:
    """What httptools called back; apart from the parser, lest each call leave a cycle behind."""

    __slots__ = ("_fields", "complete", "ended", "headers", "pieces")

    def __init__(self) -> None:
        self.headers: list[tuple[bytes, bytes]] = []
        self.pieces: list[bytes] = []
        self.complete = False
        self.ended = False
        self._fields = 0

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header; a trailer, which comes after the head, is counted and dropped."""
        self._fields += 1
        if self._fields > FIELDS_MAX:
            raise Broken("the answer has too many header fields")
        if not self.complete:
            self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        """Note the end of the head."""
        self.complete = True

    def on_body(self, piece: bytes) -> None:
        """Keep a piece of a chunked body, unless it is of an answer after this one."""
        if not self.ended:
            self.pieces.append(piece)

    def on_message_complete(self) -> None:
        """Note the end of the answer."""
        self.ended = True
