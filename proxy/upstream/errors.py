"""What can go wrong with an upstream call, told apart by what it says about money.

UpstreamError
├── NotSent              no byte of the request left: nothing can have been bought
│   └── ConnectTimedOut  (also a TimedOut)
├── Broken               the line broke, or spoke garbage, after the first byte left
└── TimedOut             the deadline passed; `sent` says whether a byte had left
"""


class UpstreamError(Exception):
    """The upstream gave no whole answer."""

    sent = True
    """Whether a byte of the request was handed to the socket."""


class NotSent(UpstreamError):
    """Proof that no byte of the request left this process."""

    sent = False


class Broken(UpstreamError):
    """The line broke or brought garbage after the first byte of the request left."""


class TimedOut(UpstreamError):
    """The deadline passed before the last byte of the answer came."""

    def __init__(self, message: str, *, sent: bool = True) -> None:
        super().__init__(message)
        self.sent = sent


class ConnectTimedOut(NotSent, TimedOut):
    """No connection within the connect timeout: nothing was sent."""

    def __init__(self, message: str) -> None:
        TimedOut.__init__(self, message, sent=False)
