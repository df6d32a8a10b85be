"""What Farebox is told at its start, and what it refuses to be told."""

import contextlib
import pickle
from ipaddress import ip_network
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.settings import Settings, SettingsError, load_settings
from proxy.settings.table import VARIABLES, is_loopback


def read(**environ: str) -> Settings:
    return load_settings({f"FAREBOX_{name.upper()}": text for name, text in environ.items()})


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


DEFAULTS = {
    "upstream_url": "https://gptproto.com",
    "upstream_key": None,
    "upstream_auth": "mirror",
    "database_url": "sqlite:///./farebox.db",
    "admin_token": None,
    "public_url": None,
    "poll_urls": "auto",
    "own_keys": "accept",
    "default_daily_budget_micros": 25_000_000,
    "timezone": "UTC",
    "unpriced": "refuse",
    "price_tables": None,
    "charge_on": "completion",
    "refusal_status": "auto",
    "poll_after_s": 60,
    "give_up_after_s": 86_400,
    "upstream_timeout_s": 600,
    "tags": ("project", "user"),
    "hash_bodies": False,
    "share_polls": False,
    "notify_url": None,
    "notify_secret": None,
    "notify_at": (50, 80, 100),
    "max_body": 32 * 1024**2,
    "max_in_flight": 5000,
    "max_buffered": 512 * 1024**2,
    "metrics_auth": False,
    "metrics_series_max": 10_000,
    "show_shared": False,
    "trusted_proxies": (),
    "log_format": "json",
    "host": "127.0.0.1",
    "port": 4000,
    "workers": 1,
}


def test_every_setting_has_the_promised_default() -> None:
    found = read()
    assert {name: getattr(found, name) for name in DEFAULTS} == DEFAULTS
    assert {place for place, _ in VARIABLES.values()} == set(DEFAULTS)
    assert found == Settings()


@pytest.mark.parametrize(
    ("name", "text", "field", "value"),
    [
        ("upstream_url", "http://127.0.0.1:9000/", "upstream_url", "http://127.0.0.1:9000"),
        ("upstream_url", "https://GPTProto.com", "upstream_url", "https://gptproto.com"),
        ("upstream_key", "Bearer sk-1", "upstream_key", "sk-1"),
        ("upstream_auth", "RAW", "upstream_auth", "raw"),
        ("database_url", "postgresql://u@h/db", "database_url", "postgresql://u@h/db"),
        ("public_url", "https://h/images/", "public_url", "https://h/images"),
        ("default_daily_budget_usd", "4.50", "default_daily_budget_micros", 4_500_000),
        ("default_daily_budget_usd", "0.0402", "default_daily_budget_micros", 40_200),
        ("default_daily_budget_usd", "Unlimited", "default_daily_budget_micros", None),
        ("timezone", "Europe/Berlin", "timezone", "Europe/Berlin"),
        ("refusal_status", "429", "refusal_status", "429"),
        ("poll_after", "500ms", "poll_after_s", 0.5),
        ("poll_after", "90d", "poll_after_s", 7_776_000),
        ("poll_after", "2", "poll_after_s", 2),
        ("upstream_timeout", "1.5h", "upstream_timeout_s", 5400),
        ("tags", "Project, cost-centre,project", "tags", ("project", "cost-centre")),
        ("tags", "none", "tags", ()),
        ("notify_at", "90, 10", "notify_at", (10, 90)),
        ("max_body", "1MB", "max_body", 1_000_000),
        ("max_body", "2048", "max_body", 2048),
        ("metrics_auth", "yes", "metrics_auth", True),
        (
            "trusted_proxies",
            "10.1.2.3/8,::1",
            "trusted_proxies",
            (ip_network("10.0.0.0/8"), ip_network("::1")),
        ),
        ("host", "[::1]", "host", "::1"),
        ("port", "0", "port", 0),
    ],
)
def test_a_value_is_read(name: str, text: str, field: str, value: object) -> None:
    assert getattr(read(**{name: text}), field) == value


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("upstream_url", "gptproto.com"),
        ("upstream_url", "https://gptproto.com/api"),
        ("upstream_url", "https://me:pw@gptproto.com"),
        ("upstream_url", "https://h:99999"),
        ("upstream_url", "http://[::1"),
        ("upstream_url", "https://h\\evil"),
        ("upstream_key", "two words"),
        ("upstream_key", "kéy"),
        ("upstream_auth", "basic"),
        ("database_url", "mysql://h/db"),
        ("database_url", "sqlite://"),
        ("database_url", "sqlite:///:memory:"),
        ("default_daily_budget_usd", "-1"),
        ("default_daily_budget_usd", "1e3"),
        ("default_daily_budget_usd", "0.0000001"),
        ("default_daily_budget_usd", "nan"),
        ("timezone", "Europe/Berln"),
        ("timezone", "Europe"),
        ("timezone", "../etc/passwd"),
        ("refusal_status", "500"),
        ("poll_after", "0s"),
        ("poll_after", "1 week"),
        ("poll_after", "-5s"),
        ("give_up_after", "9999999d"),
        ("tags", "a b"),
        ("notify_at", "0"),
        ("notify_at", "half"),
        ("notify_url", "ftp://h/x"),
        ("max_body", "32XB"),
        ("max_body", "0"),
        ("max_in_flight", "0"),
        ("metrics_auth", "maybe"),
        ("trusted_proxies", "10.0.0.0/99"),
        ("host", "bad host"),
        ("port", "65536"),
        ("port", "٤"),
        ("workers", "0"),
        ("price_tables", "/no/such/directory"),
    ],
)
def test_a_bad_value_names_its_variable(name: str, text: str) -> None:
    with pytest.raises(SettingsError, match=f"FAREBOX_{name.upper()}"):
        read(**{name: text})


@pytest.mark.parametrize(
    ("misspelt", "meant"),
    [
        ("FAREBOX_UPSTREAM_URI", "FAREBOX_UPSTREAM_URL"),
        ("FAREBOX_TIMZONE", "FAREBOX_TIMEZONE"),
        ("FAREBOX_DAILY_BUDGET", "FAREBOX_DEFAULT_DAILY_BUDGET_USD"),
        ("FAREBOX_", ""),
    ],
)
def test_an_unknown_name_names_the_nearest(misspelt: str, meant: str) -> None:
    with pytest.raises(SettingsError, match=rf"{misspelt}\b.*did you mean {meant}"):
        load_settings({misspelt: "x"})


@pytest.mark.parametrize("key", ["sk-fb-abcdefgh-hush", "Bearer sk-fb-abcdefgh-hush"])
def test_a_farebox_key_is_no_upstream_key(key: str) -> None:
    with pytest.raises(SettingsError, match=r"^FAREBOX_UPSTREAM_KEY.* is a Farebox key") as refused:
        read(upstream_key=key)
    assert "hush" not in str(refused.value)


@pytest.mark.parametrize("name", ["upstream_key", "admin_token", "notify_secret"])
def test_a_secret_is_never_shown(name: str) -> None:
    with pytest.raises(SettingsError) as refused:
        read(**{name: "hush hush"})
    assert "hush" not in str(refused.value)
    assert "hush" not in repr(read(**{name: "hush"}))


@pytest.mark.parametrize("name", ["upstream_url", "public_url", "notify_url", "timezone", "host"])
@pytest.mark.parametrize(
    "text",
    ["https://me:hush@h.example", "https://hush@h.example", "https://me:hu/hush@h.example",
     "https://me:hush@b@h.example/x", "https://me:hush", "me:hush@h.example", "//me:hush@h.example",
     "https://me:hush@[::x", "https://me:hush\u2100@h.example"],
)  # fmt: skip
def test_a_password_in_an_address_is_never_shown(name: str, text: str) -> None:
    with pytest.raises(SettingsError) as refused:
        read(**{name: text})
    assert f"FAREBOX_{name.upper()}" in str(refused.value)
    if "@" in text or name == "notify_url":
        assert "hush" not in str(refused.value)
    assert "hush" not in str(refused.value.__cause__)


def test_the_rest_of_an_address_is_shown() -> None:
    with pytest.raises(SettingsError, match=r"FAREBOX_UPSTREAM_URL=https://\*\*\*@h\.example/x \("):
        read(upstream_url="https://me:hush@h.example/x")


def test_a_password_in_the_database_url_is_never_shown() -> None:
    assert "hush" not in repr(read(database_url="postgresql://me:hush@h/db"))


@pytest.mark.parametrize(
    ("host", "own_keys", "metrics_auth"),
    [
        ("127.0.0.1", "accept", False),
        ("127.8.9.1", "accept", False),
        ("::1", "accept", False),
        ("localhost", "accept", False),
        ("0.0.0.0", "adopted", True),
        ("::", "adopted", True),
        ("192.0.2.1", "adopted", True),
        ("farebox.internal", "adopted", True),
    ],
)
def test_an_open_bind_closes_the_doors(host: str, own_keys: str, metrics_auth: bool) -> None:
    found = read(host=host)
    assert (found.own_keys, found.metrics_auth) == (own_keys, metrics_auth)
    assert found.loopback is is_loopback(host)


def test_what_was_said_wins_over_what_the_bind_suggests() -> None:
    found = read(host="0.0.0.0", own_keys="accept", metrics_auth="0")
    assert (found.own_keys, found.metrics_auth) == ("accept", False)


def test_flags_win_over_the_environment_and_that_over_the_file(tmp_path: Path) -> None:
    file = tmp_path / "other.toml"
    file.write_text('port = 1\nhost = "::1"\nworkers = 2\n')
    environ = {"FAREBOX_PORT": "3", "FAREBOX_HOST": "127.0.0.2"}
    found = load_settings(environ, file, flags={"port": "4"})
    assert (found.port, found.host, found.workers) == (4, "127.0.0.2", 2)


def test_a_flag_decides_the_defaults_of_its_bind() -> None:
    assert load_settings({}, flags={"host": "0.0.0.0"}).own_keys == "adopted"


def test_an_empty_variable_is_unset() -> None:
    assert read(timezone="", tags=" ") == Settings()


def test_farebox_toml_in_this_directory_is_read(tmp_path: Path) -> None:
    (tmp_path / "farebox.toml").write_text(
        'tags = ["a", "b"]\nshow_shared = true\nnotify_at = []\n'
        "default_daily_budget_usd = 0.1\nfarebox_port = 5\n"
    )
    found = load_settings({})
    assert (found.tags, found.show_shared, found.notify_at) == (("a", "b"), True, ())
    assert (found.default_daily_budget_micros, found.port) == (100_000, 5)


@pytest.mark.parametrize(
    ("toml", "says"),
    [
        ("prot = 1", r"did you mean port\?"),
        ("FAREBOX_TAGS = 'a'", r"FAREBOX_TAGS in .*farebox.toml; did you mean tags\?"),
        ("FAREBOX_TAG = 'a'", r"did you mean tags\?"),
        ("TAGS = 'a'", r"did you mean tags\?"),
        ("farebox_tag = 'a'", r"did you mean tags\?"),
        ("[farebox]\ntags = 'a'", r"farebox in .*farebox.toml; it is a table, and settings stand"),
        ("port = 'x'", r"FAREBOX_PORT=x \(port in .*farebox.toml\)"),
        ("[port]\na = 1", "port in .*farebox.toml"),
        ("port = ", "farebox.toml: "),
        ("port = 1\nfarebox_port = 2", "port in .*farebox.toml is there twice"),
    ],
)
def test_a_bad_file_is_refused_with_the_place(tmp_path: Path, toml: str, says: str) -> None:
    file = tmp_path / "farebox.toml"
    file.write_text(toml)
    with pytest.raises(SettingsError, match=says):
        load_settings({}, file)


def test_a_named_file_must_exist(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"missing\.toml"):
        load_settings({}, tmp_path / "missing.toml")


def test_a_body_larger_than_all_buffers_is_refused() -> None:
    with pytest.raises(SettingsError, match="FAREBOX_MAX_BUFFERED"):
        read(max_body="1GiB")


def test_the_log_is_for_people_only_where_one_is_looking() -> None:
    assert load_settings({}, terminal=True).log_format == "console"
    assert load_settings({"FAREBOX_LOG_FORMAT": "json"}, terminal=True).log_format == "json"


def test_settings_travel_to_worker_processes() -> None:
    found = read(trusted_proxies="10.0.0.0/8", upstream_key="sk-1")
    assert pickle.loads(pickle.dumps(found)) == found  # noqa: S301 - made a line above


@given(st.sampled_from(sorted(VARIABLES)), st.text(max_size=40))
def test_any_text_is_read_or_refused(name: str, text: str) -> None:
    with contextlib.suppress(SettingsError):
        assert isinstance(read(**{name: text}), Settings)
