"""doctor finds the mistakes of a first installation, each in words that say what to do."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from pricing import BUNDLED, load_tables
from proxy.doctor import books, host
from proxy.instants import epoch_us
from proxy.ledger.schema import migrate, open_session
from proxy.ledger.store import Store
from proxy.settings import Settings
from tests.cli.running import Program
from tests.postgres import NOBODY, Postgres, postgres  # noqa: F401 - the fixture


@contextmanager
def answering(status: int = 404, **headers: str) -> Iterator[str]:
    """An upstream that answers everything alike."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response_only(status)
            for name, value in {"content-length": "0", **headers}.items():
                self.send_header(name.replace("_", "-"), value)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


@contextmanager
def as_nobody(*places: Path) -> Iterator[None]:
    """Be somebody else, who owns these places and nothing more."""
    if os.geteuid() != 0:
        pytest.skip("only root can be somebody else")
    for place in places:
        os.chown(place, NOBODY, NOBODY)
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


def problems(program: Program) -> dict[str, str]:
    """Run it; the problems by what they are about."""
    ran = program("doctor", "--json")
    found = {row["check"]: row["words"] for row in ran.json if row["result"] == "problem"}
    assert ran.code == (1 if found else 0)
    return found


def test_a_sound_installation_has_nothing_to_say(program: Program) -> None:
    with answering() as url:
        program.set("UPSTREAM_URL", url)
        program.set("UPSTREAM_KEY", "sk-of-gpt-proto")
        program.well("keys", "create", "web")
        assert problems(program) == {}


MISTAKES = [
    ("base url", {"UPSTREAM_URL": "https://gptproto.com/api/v3"}, "origin alone"),
    ("base url", {"PUBLIC_URL": "https://images.example.com/api/v3"}, "twice"),
    ("base url", {"UPSTREAM_URL": "http://127.0.0.1:4000"}, "circle"),
    ("upstream", {"UPSTREAM_URL": "http://127.0.0.1:1"}, "firewall"),
    ("upstream key", {"UPSTREAM_KEY": "sk-fb-abcdefgh-secret"}, "Farebox key"),
    ("upstream key", {"UPSTREAM_KEY": "AIza-of-google"}, "sk-"),
    ("upstream key", {"OWN_KEYS": "adopted"}, "503"),
    ("upstream key", {"UPSTREAM_KEY": "sk-x" * 6, "ADMIN_TOKEN": "sk-x" * 6}, "same secret"),
    ("zone", {"TIMEZONE": "Europe/Berln"}, "Europe/Berlin"),
    ("zone", {"TIMEZONE": "Etc/GMT+1"}, "turned round"),
    ("settings", {"UPSTREM_URL": "https://gptproto.com"}, "FAREBOX_UPSTREAM_URL"),
    ("proxy headers", {"TRUSTED_PROXIES": "0.0.0.0/0"}, "trusts every address"),
    ("proxy headers", {"HOST": "0.0.0.0", "ADMIN_TOKEN": "x" * 32}, "FAREBOX_PUBLIC_URL"),
    ("admin token", {"ADMIN_TOKEN": "short"}, "guessed"),
    ("webhook", {"NOTIFY_URL": "https://example.com/hook"}, "forgery"),
    ("budget", {"DEFAULT_DAILY_BUDGET_USD": "0.005"}, "less than one image"),
    ("database", {"DATABASE_URL": "sqlite:////dev/null/farebox.db"}, "/dev/null"),
    ("database", {"DATABASE_URL": "postgresql://x@127.0.0.1:1/x"}, "check FAREBOX_DATABASE_URL"),
]


@pytest.mark.parametrize(("check", "settings", "says"), MISTAKES)
def test_a_mistake_is_found_and_said_in_words(
    check: str, settings: dict[str, str], says: str, program: Program
) -> None:
    with answering() as url:
        program.set("UPSTREAM_URL", url)
        program.well("keys", "create", "web")
        for name, value in settings.items():
            program.set(name, value)
        assert says in problems(program)[check]


@pytest.mark.parametrize(
    ("check", "answer", "says"),
    [
        ("upstream key", {"status": 401}, "turns FAREBOX_UPSTREAM_KEY away"),
        ("base url", {"x_farebox_refused": "invalid_key"}, "is a Farebox"),
        ("clock", {"date": format_datetime(datetime.now(UTC) - timedelta(hours=1))}, "s off the"),
    ],
)
def test_what_the_upstream_answers_is_understood(
    check: str, answer: dict[str, object], says: str, program: Program
) -> None:
    program.set("UPSTREAM_KEY", "sk-of-gpt-proto")
    with answering(**answer) as url:  # type: ignore[arg-type]
        program.set("UPSTREAM_URL", url)
        assert says in problems(program)[check]


def test_keys_that_nobody_pays_for_are_found(program: Program) -> None:
    with answering() as url:
        program.set("UPSTREAM_URL", url)
        assert "upstream key" not in problems(program)
        program.well("keys", "create", "web")
        assert "(web)" in problems(program)["upstream key"]
        program.set("UPSTREAM_KEY", "sk-of-gpt-proto")
        assert "upstream key" not in problems(program)
        program.well("keys", "set", "web", "--upstream-key-env", "KEY_OF_THE_WEB_TEAM")
        assert "KEY_OF_THE_WEB_TEAM" in problems(program)["upstream key"]


def test_an_old_price_table_is_found() -> None:
    book = load_tables(BUNDLED)
    last = epoch_us(book.versions[-1].effective_from)
    day_us = 86_400_000_000
    assert books.look_at_prices(book, last + day_us).level == "ok"
    assert "121 days old" in books.look_at_prices(book, last + 121 * day_us).words
    assert "no price table" in books.look_at_prices(book, 0).words


@pytest.mark.parametrize(
    ("owners", "found"),
    [
        (["a:1:1", "a:2:1"], False),
        (["a:1:1", "a:1:1", "b:1:1"], False),
        (["a:1:1", "b:1:1", "a:1:1"], True),
    ],
)
def test_two_hosts_that_write_in_turns_are_found(
    owners: list[str], found: bool, tmp_path: Path
) -> None:
    assert bool(books.taking_turns([owner.rsplit(":", 2)[0] for owner in owners])) is found


def test_a_ledger_on_a_network_disk_is_found(tmp_path: Path) -> None:
    settings = Settings(database_url=f"sqlite:///{tmp_path}/farebox.db")
    mounts = ["none / ext4 rw 0 0", f"server:/x {tmp_path} nfs4 rw 0 0"]
    (finding,) = [f for f in host.look(settings, mounts) if f.level == "problem"]
    assert "network file system (nfs4)" in finding.words


def test_a_place_that_cannot_be_written_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(database_url="sqlite:////proc/farebox.db")
    assert "problem" in {finding.level for finding in host.look(settings, [])}


def test_a_file_that_is_no_ledger_is_found(program: Program) -> None:
    Path("farebox.db").write_text("something else altogether, and longer than a head of a file")
    found = problems(program)
    assert found["database"] == "farebox.db cannot be read as a ledger: file is not a database"
    assert "farebox.db: file is not a database" in found["ledger"]


def test_a_ledger_of_another_user_is_found(program: Program) -> None:
    program.well("keys", "create", "web")
    program.set("DATABASE_URL", f"sqlite:///{program.directory}/farebox.db")
    with as_nobody():  # who may not look into this folder
        assert "farebox.toml" in problems(program)["settings"]
        program.monkeypatch.chdir("/")
        found = problems(program)
        ran = [program(*words) for words in (("keys", "list"), ("report", "spend"), ("verify",))]
    assert {"database", "ledger"} <= set(found)
    assert {(one.code, "farebox.db: Permission denied" in one.err) for one in ran} == {(2, True)}


def test_a_ledger_that_this_user_may_not_read_is_found(program: Program) -> None:
    with TemporaryDirectory(dir="/tmp") as folder:  # all may enter there
        program.set("DATABASE_URL", f"sqlite:///{folder}/farebox.db")
        program.well("keys", "create", "web")
        program.monkeypatch.chdir(folder)
        with as_nobody(Path(folder), *Path(folder).glob("*.db.*")):
            found, ran = problems(program), program("keys", "list")
    assert "cannot be read as a ledger" in found["database"]
    assert (ran.code, f"{folder}/farebox.db: unable to open" in ran.err) == (1, True)


def test_a_server_that_answers_is_no_problem(
    program: Program,
    postgres: Postgres,  # noqa: F811
) -> None:
    program.set("DATABASE_URL", postgres.create())
    assert not {"database", "ledger"} & problems(program).keys()


def test_another_zone_than_the_ledgers_is_found(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/farebox.db"
    migrate(url)
    store = Store(open_session(url), timezone="Europe/Berlin")
    store.open()
    try:
        found = books.look(store, "UTC", load_tables(BUNDLED))
        (zone,) = [f for f in found if f.check == "zone"]
        assert (zone.level, "Europe/Berlin" in zone.words) == ("problem", True)
    finally:
        store.session.close()
