"""A head that comes again means what it would mean if it came for the first time."""

from dataclasses import dataclass, field, replace
from ipaddress import ip_network
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.call import Call
from proxy.directory import REVOKED, Directory, Key
from proxy.door import Door, Purse
from proxy.edge.exchange import FIELDS, TARGET
from proxy.edge.known import Fields
from proxy.errors import BadRequest, InvalidKey, UpstreamKeyMissing
from proxy.heads import KNOWN_BYTES_MAX, KNOWN_MAX, Head, Heads
from proxy.keys import digest, fingerprint, new_key
from proxy.settings import Settings

Headers = list[tuple[bytes, bytes]]
NEW, OLD = new_key(), new_key()
OWN = "sk-of-the-caller"
MADE_US = 1_000_000


def key(**facts: Any) -> Key:
    return replace(Key("k1", "amy", public=NEW.public, digest=NEW.digest), **facts)


def directory(*keys: Key) -> Directory:
    return Directory(
        1, {each.id: each for each in keys}, {}, ZoneInfo("UTC"), None,
        by_public={each.public: each for each in keys}
        | {each.old_public: each for each in keys if each.old_public},
        by_fingerprint={each.fingerprint: each for each in keys if each.own},
    )  # fmt: skip


@dataclass
class House:
    """Heads over a directory and a clock that the test moves."""

    settings: Settings = field(default_factory=lambda: Settings(upstream_key="sk-shared"))
    environ: dict[str, str] = field(default_factory=dict)
    directory: Directory = field(default_factory=lambda: directory(key()))
    at_us: int = MADE_US
    edge_knows = False
    """Whether the edge has seen such fields before, and remembers them."""

    def __post_init__(self) -> None:
        purse = Purse(self.settings.upstream_key, self.environ, lambda: self.directory)
        door = Door("accept", digest("admin"), purse)
        self.heads = Heads(self.settings, door, lambda: self.directory, lambda: self.at_us)
        self.fields: dict[tuple[tuple[bytes, bytes], ...], Fields] = {}

    def call(self, headers: Headers, client: tuple[str, int] = ("10.0.0.1", 5)) -> Call:
        async def nothing(*_: object) -> Any:
            raise AssertionError

        scope = {
            "type": "http", "method": "GET", "path": "/api/v3/x", "raw_path": b"/api/v3/x",
            "headers": headers, "client": client, "scheme": "http", TARGET: b"/api/v3/x",
        }  # fmt: skip
        if self.edge_knows:
            told = self.fields.setdefault(tuple(headers), Fields(headers, None))
            scope |= {FIELDS: told}
        return Call.of(scope, nothing, nothing)

    def of(self, headers: Headers, client: tuple[str, int] = ("10.0.0.1", 5)) -> Head:
        return self.heads.of(self.call(headers, client))


@pytest.fixture(autouse=True, params=[False, True], ids=["new", "known to the edge"])
def _edge(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(House, "edge_knows", request.param)


def sent(secret: str = NEW.secret, *more: tuple[bytes, bytes]) -> Headers:
    return [(b"host", b"farebox"), (b"authorization", b"Bearer " + secret.encode()), *more]


def test_the_same_headers_are_worked_out_once_and_name_every_call() -> None:
    house = House(directory=directory(key(team="art")))
    first = house.of(sent())
    again = house.call(sent())
    assert house.heads.of(again) is first
    assert (again.key_name, again.key_label, again.team) == ("amy", "amy", "art")
    assert house.of(sent(NEW.secret, (b"a", b"b"))) is not first


def test_a_key_that_was_revoked_opens_nothing_once_the_directory_says_so() -> None:
    house = House()
    house.of(sent())
    house.directory = directory(key(state=REVOKED))
    with pytest.raises(InvalidKey, match="revoked"):
        house.of(sent())


def test_a_key_expires_though_its_head_is_known() -> None:
    house = House(directory=directory(key(expires_us=MADE_US + 10)))
    house.of(sent())
    house.at_us += 9
    house.of(sent())
    house.at_us += 1
    with pytest.raises(InvalidKey, match="expired"):
        house.of(sent())


def test_a_secret_that_was_rotated_out_opens_nothing_after_its_grace() -> None:
    rotated = key(old_public=OLD.public, old_digest=OLD.digest, old_until_us=MADE_US + 10)
    house = House(directory=directory(rotated))
    house.of(sent(OLD.secret))
    house.of(sent())
    house.at_us += 10
    with pytest.raises(InvalidKey):
        house.of(sent(OLD.secret))
    house.of(sent())


def test_without_a_key_that_pays_a_head_is_read_and_only_then_refused() -> None:
    house = House(settings=Settings(), directory=directory(key(upstream_key_env="THEIRS")))
    for _ in range(2):
        with pytest.raises(UpstreamKeyMissing):
            house.of(sent()).paid_by()
    house.environ["THEIRS"] = "sk-theirs"
    house.directory = directory(key(upstream_key_env="THEIRS"))
    head = house.of(sent())
    assert head.paid_by() == "sk-theirs"
    assert (b"authorization", b"Bearer sk-theirs") in head.outgoing


def test_an_unseen_own_key_is_looked_up_each_time() -> None:
    house = House(directory=directory())
    first = house.of(sent(OWN))
    assert first.caller.unseen
    assert house.of(sent(OWN)) is not first
    mark = fingerprint(OWN)
    house.directory = directory(Key(f"own_{mark}", f"own-{mark}", own=True, fingerprint=mark))
    seen = house.call(sent(OWN))
    assert not house.heads.of(seen).caller.unseen
    assert seen.key_label == "other"


def test_what_is_asked_wrongly_is_refused_each_time_with_the_key_named() -> None:
    house = House()
    for _ in range(2):
        call = house.call(sent(NEW.secret, (b"x-farebox-unknown", b"1")))
        with pytest.raises(BadRequest):
            house.heads.of(call)
        assert call.key_name == "amy"


def test_only_a_trusted_proxy_says_where_poll_urls_lead() -> None:
    forwarded = sent(NEW.secret, (b"x-forwarded-host", b"images.example"))
    trusting = Settings(upstream_key="sk-shared", trusted_proxies=(ip_network("10.0.0.0/8"),))
    house = House(settings=trusting)
    peers = ("10.0.0.1", "192.0.2.1", "::ffff:10.0.0.1", "::ffff:192.0.2.1")
    bases = [house.of(forwarded, (at, 1)).manner.base for at in peers * 2]
    assert bases == ["http://images.example", "http://farebox"] * 4


def test_a_trusted_proxys_calls_are_known_whatever_connection_they_come_on() -> None:
    trusting = Settings(upstream_key="sk-shared", trusted_proxies=(ip_network("10.0.0.0/8"),))
    house = House(settings=trusting)
    assert house.of(sent(), ("10.0.0.1", 1)) is house.of(sent(), ("10.0.0.1", 2))
    assert house.of(sent(), ("10.0.0.1", 1)) is not house.of(sent(), ("10.0.0.2", 1))


def test_what_is_kept_stays_small() -> None:
    house = House()
    house.edge_knows = False  # which has bounds of its own
    long = sent(NEW.secret, (b"a", b"x" * KNOWN_BYTES_MAX))
    assert house.of(long) is not house.of(long)
    for n in range(KNOWN_MAX * 4 + 1):
        house.of(sent(NEW.secret, (b"n", b"%d" % n)))
    assert len(house.heads._known) <= 2 * KNOWN_MAX  # noqa: SLF001 - memory is seen nowhere else


names = st.sampled_from(
    [b"Accept", b"cookie", b"connection", b"idempotency-key", b"x-farebox-dry-run", b"te", b"x"]
)
values = st.sampled_from([b"1", b"0", b"x", b"farebox_session=1; a=b", b"sk-fb-stolen"])


@given(st.lists(st.lists(st.tuples(names, values), max_size=4), min_size=1, max_size=8), st.data())
def test_a_known_head_means_what_a_new_one_does(calls: list[Headers], data: st.DataObject) -> None:
    house = House()
    for more in data.draw(st.permutations(calls * 2)):
        found, fresh = [], House(directory=house.directory)
        for each in (house, fresh):
            try:
                head = each.of(sent(NEW.secret, *more))
                found.append((head.caller, head.asked, head.payer, head.outgoing, head.manner))
            except BadRequest as refused:
                found.append(str(refused))
        assert found[0] == found[1]
