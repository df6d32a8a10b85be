"""What was asked for lately, and so is likely to be asked for again. Pure."""

from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Recent(Generic[K, V]):
    """Keeps at most twice `most` values: what is asked for again stays, however much else comes.

    Two generations: a full one becomes the old one, and what is found in the old one is young
    again. A client whose every call is new fills them, and costs the others next to nothing.
    """

    __slots__ = ("_most", "_old", "_young")

    def __init__(self, most: int) -> None:
        self._most = most
        self._young: dict[K, V] = {}
        self._old: dict[K, V] = {}

    def __len__(self) -> int:
        """Count what is kept."""
        return len(self._young.keys() | self._old.keys())

    def get(self, key: K) -> V | None:
        """Find a value; None if it is not kept."""
        found = self._young.get(key)
        if found is None and (found := self._old.get(key)) is not None:
            self.put(key, found)
        return found

    def put(self, key: K, value: V) -> None:
        """Keep a value."""
        if len(self._young) >= self._most:
            self._young, self._old = {}, self._young
        self._young[key] = value

    def clear(self) -> None:
        """Keep nothing."""
        self._young, self._old = {}, {}
