"""What only the admin API says no with; the envelope is the relay's."""

from typing import ClassVar

from proxy.refusal import Refusal


class Conflict(Refusal):
    """What is asked does not fit what is there: a name that is taken, a fare that is decided."""

    type, code = "conflict", 409


class AlreadyDone(Refusal):
    """This very request was done before, and its answer held a secret that is kept nowhere."""

    type, code = "already_done", 409
    _DID: ClassVar = {
        "made": "made key '{key}' ({id}) at {at}. Its secret was shown then and is kept nowhere:"
        " rotate the key for another",
        "rotated": "rotated key '{key}' ({id}) at {at}. The new secret was shown then and is kept"
        ' nowhere: for another, rotate with a new Idempotency-Key and "force": true',
    }

    def __init__(self, *, did: str, key: str, key_id: str, at: str) -> None:
        facts: dict[str, object] = {"did": did, "key": key, "id": key_id, "at": at}
        words = self._DID[did].format(**facts)
        super().__init__(f"Nothing was done: this Idempotency-Key {words}.", facts)


class OutOfDate(Refusal):
    """Somebody else changed it since it was read: `If-Match` names an older version."""

    type, code = "version_mismatch", 412


class Slower(Refusal):
    """Too many wrong tokens from this address; `wait_s` until the next one is looked at."""

    type, code = "too_many_attempts", 429

    def __init__(self, wait_s: int) -> None:
        self.wait_s = wait_s
        super().__init__(f"Too many wrong tokens from this address; try again in {wait_s} s.")

    @property
    def headers(self) -> list[tuple[bytes, bytes]]:
        """Say when to come back."""
        return [*super().headers, (b"retry-after", str(self.wait_s).encode())]
