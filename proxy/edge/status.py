"""What the server tells the app about itself."""

from collections.abc import Callable
from dataclasses import dataclass, field


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
