"""What the server tells the app about itself."""

from collections.abc import Callable
from dataclasses import dataclass, field

from proxy.errors import Refusal


@dataclass(slots=True, eq=False)
class ServerStatus:
    """One per worker: handed to the app's factory, and in `scope["state"]["server"]`."""

    draining: bool = False
    """True from the first SIGTERM or SIGINT on: what still comes in is for a 503."""
    failed: bool = False
    """The app gave up: draining goes as always, but the exit code says so."""
    on_drain: list[Callable[[], None]] = field(default_factory=list)
    """Called on the event loop, once, when draining begins."""
    on_sighup: list[Callable[[], None]] = field(default_factory=list)
    """Called on the event loop at each SIGHUP."""
    on_refused: list[Callable[[Refusal, bool], None]] = field(default_factory=list)
    """Called with each refusal of the edge, and whether it broke off a call that had begun."""

    def drain(self) -> None:
        """Begin draining; again is harmless."""
        if not self.draining:
            self.draining = True
            for callback in self.on_drain:
                callback()

    def reload(self) -> None:
        """Pass a SIGHUP on."""
        for callback in self.on_sighup:
            callback()

    def refused(self, refusal: Refusal, *, begun: bool) -> None:
        """Tell of a refusal that a caller was answered with."""
        for callback in self.on_refused:
            callback(refusal, begun)
