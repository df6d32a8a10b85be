"""Whether the ledger stays as fast as it was when it holds millions of charges.

    python -m bench.growth [--charges 3000000] [--database FILE.db]

Fills a SQLite ledger by bulk statements with what that many settled fares leave behind, and
compares it, in turns, with an empty one: fares reserved and settled 32 at a time, where a key
stands, a prediction found again, the start of the program, bytes on disk.
"""
# ruff: noqa: S608 - statements of constants of ours

import argparse
import contextlib
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from statistics import median

import httpx

from bench.goals import Finding, found, written
from bench.processes import STARTS_WITHIN_S, free_port
from bench.quotes import QUOTE
from bench.session import SCRATCH
from pricing import BUNDLED, load_tables
from proxy.charge import Ground
from proxy.directory import Key
from proxy.fares import new_id
from proxy.ledger import registry, versions
from proxy.ledger.operation import Operation
from proxy.ledger.outcomes import Decide
from proxy.ledger.reader import bought, where_stands
from proxy.ledger.reserve import Reserve
from proxy.ledger.schema import migrate, open_session
from proxy.ledger.settlement import QUARTER_US
from proxy.ledger.store import Store

AT_ONCE, TURNS, CHUNK, KEYS = 32, 150, 250_000, 200
CHARGES, STARTS = 3_000_000, 3
_NUMBERS = "WITH RECURSIVE n(i) AS (SELECT ?1 UNION ALL SELECT i+1 FROM n WHERE i+1<?2) "
_CHARGES = _NUMBERS + (
    "INSERT INTO charges(id,key_id,key_name,team,account,surface,model,called,resolution,task,"
    "images,unit_micros,list_unit_micros,price_version,price_status,price_assumed,images_mode,"
    "reserved_micros,settled_micros,sold_images,state,ground,reason,prediction_id,key_day,day,"
    "admitted_us,accepted_us,decided_us,due_us,looks,lease_owner,lease_us,owner,tags,body_hash,"
    "provisional,shadow,seq) "
    "SELECT printf('fb_0%021d',i),printf('key_%014d',i%?3),'key-'||(i%?3),'','0123456789abcdef',"
    f"'path','{QUOTE.model}','{QUOTE.model}','1K','text-to-image',1,40200,67000,'2026-09-25','published',0,"
    "'one',40200,40200,1,'settled','answer','completed',lower(hex(randomblob(16))),'2026-10-01',"
    "'2026-10-01',?4+i*800000,?4+i*800000+900000,?4+i*800000+9000000,0,0,'',0,'host:1:1','{}','',"
    "0,0,3 FROM n"
)
_ENTRIES = _NUMBERS + (
    "INSERT INTO entries(charge_id,seq,kind,reserved_micros,settled_micros,images,at_us,ground,"
    "actor,why) SELECT printf('fb_0%021d',i),k.seq,k.kind,k.r,k.s,k.n,?4+i*800000+k.t,k.g,'',k.w"
    " FROM n JOIN (SELECT 1 seq,'reserve' kind,40200 r,0 s,0 n,'' g,'' w,0 t UNION ALL"
    " SELECT 2,'accept',0,0,0,'','',900000 UNION ALL"
    " SELECT 3,'settle',-40200,40200,1,'answer','completed',9000000) k WHERE ?3>0"
)
_SAYS = "key_id,key_name,team,model,resolution,task,price_version,tags"
_COUNTED = "team,key_name,model,resolution"
# What the charges come to, so that `farebox verify` has nothing to say against it.
_SUMS = (
    *(
        f"INSERT INTO balances SELECT {scope},'{window}',substr(day,1,{length}),"
        "sum(settled_micros),0 FROM charges GROUP BY 1,2,3"
        for scope in ("'key:'||key_id", "'installation'")
        for window, length in (("day", 10), ("month", 7))
    ),
    (
        f"INSERT INTO spend SELECT admitted_us/{QUARTER_US},{_SAYS},count(*),sum(sold_images),"
        f"sum(settled_micros),sum(sold_images*list_unit_micros) FROM charges GROUP BY 1,{_SAYS}"
    ),
    (
        f"INSERT INTO totals SELECT {_COUNTED},sum(settled_micros),sum(sold_images)"
        f" FROM charges GROUP BY {_COUNTED}"
    ),
)


def fill(path: Path, charges: int) -> None:
    """Write what settled fares of the past would have left."""
    connection = sqlite3.connect(path, isolation_level=None)
    for pragma in ("journal_mode=MEMORY", "synchronous=OFF", "cache_size=-800000"):
        connection.execute(f"PRAGMA {pragma}")
    began_us = time.time_ns() // 1000 - charges * 800_000
    for start in range(0, charges, CHUNK):
        bounds = (start, min(start + CHUNK, charges), KEYS, began_us)
        connection.execute("BEGIN")
        connection.execute(_CHARGES, bounds)
        connection.execute(_ENTRIES, bounds)
        connection.execute("COMMIT")
    for statement in _SUMS:
        connection.execute(statement)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.close()
    with contextlib.closing(open_session(f"sqlite:///{path}")) as session:
        Store(session).transact(versions.add(load_tables(BUNDLED).versions, actor="bench"))


def one_of(path: Path) -> tuple[str, str]:
    """Pick a prediction that was bought, and its key."""
    with contextlib.closing(sqlite3.connect(path)) as connection:
        row = connection.execute("SELECT prediction_id,key_id FROM charges LIMIT 1").fetchone()
    return str(row[0]), str(row[1])


def opened(path: Path) -> tuple[Store, Key]:
    """Open a ledger with a key that calls."""
    store = Store(open_session(f"sqlite:///{path}"))
    store.open()
    try:
        return store, registry.find(store, "bench")  # of a run before, in a database that was kept
    except registry.Missing:
        made = registry.create_key("bench", actor="bench", daily_micros=-1)
        return store, store.transact(made).key


def fares(key: Key) -> tuple[list[Operation], list[Operation]]:
    """Make operations: to reserve some fares, and to settle them."""
    ids = [new_id(time.time_ns() // 1000) for _ in range(AT_ONCE)]
    reserving = [Reserve(i, key, lambda _: QUOTE, "shared", "path", "bench") for i in ids]
    return list(reserving), [Decide(i, 1, Ground.ANSWER, "completed") for i in ids]


def took_ms(action: Callable[[], object]) -> float:
    """Time something."""
    started = time.perf_counter()
    action()
    return (time.perf_counter() - started) * 1000


def ready_s(path: Path) -> float:
    """Start the program on a ledger; seconds until it is ready."""
    port = free_port()
    environ = {
        "PATH": "/usr/bin:/bin",
        "FAREBOX_DATABASE_URL": f"sqlite:///{path}",
        "FAREBOX_UPSTREAM_URL": "http://127.0.0.1:9",
        "FAREBOX_UPSTREAM_KEY": "sk-upstream",
    }
    started = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "proxy", "serve", "--port", str(port)],
        env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        while time.perf_counter() - started < STARTS_WITHIN_S:
            try:
                if httpx.get(f"http://127.0.0.1:{port}/readyz", trust_env=False).is_success:
                    return time.perf_counter() - started
            except httpx.TransportError:
                time.sleep(0.02)
        raise RuntimeError("it does not get ready")
    finally:
        process.terminate()
        process.wait(30)


def compared(empty: Path, full: Path) -> dict[str, dict[str, float]]:
    """Measure both in turns; milliseconds by what was done and on which."""
    known, owner = one_of(full)
    ledgers = {"empty": opened(empty), "full": opened(full)}
    taken: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for turn in range(TURNS):
        for name in list(ledgers) if turn % 2 else list(reversed(ledgers)):
            store, key = ledgers[name]
            reserving, settling = fares(key)
            for what, action in (
                ("reserve", lambda s=store, r=reserving: s.commit(r)),
                ("settle", lambda s=store, r=settling: s.commit(r)),
                ("budget", lambda s=store, k=key: where_stands(s.directory, k)(s.session)),
                ("find", lambda s=store: bought(known, key_id=owner)(s.session)),
            ):
                taken[what][name].append(took_ms(action))
    for store, _ in ledgers.values():
        store.session.close()
    return {
        what: {name: median(times) for name, times in both.items()} for what, both in taken.items()
    }


def findings(charges: int = CHARGES, database: Path | None = None) -> list[Finding]:
    """Fill, compare, and hold the full ledger's figures to the empty one's."""
    with tempfile.TemporaryDirectory(dir=SCRATCH, prefix="farebox-bench-") as folder:
        empty, full = Path(folder) / "empty.db", database or Path(folder) / "full.db"
        migrate(f"sqlite:///{empty}")
        if not full.exists():
            migrate(f"sqlite:///{full}")
            seconds = took_ms(lambda: fill(full, charges)) / 1000
            print(f"filled with {charges:,} charges in {seconds:.0f} s")
        size = full.stat().st_size
        print(f"{size / 1e6:,.0f} MB, {size / charges:.0f} bytes a charge with its entries")
        took = compared(empty, full)
        for what, both in took.items():
            small, large = both["empty"], both["full"]
            print(f"{what:8} empty {small:8.3f} ms  full {large:8.3f} ms  {large / small:5.2f}x")
        ready = {name: [ready_s(path) for _ in range(STARTS)]
                 for name, path in (("empty", empty), ("full", full))}  # fmt: skip
        print("ready   " + "".join(f" {name} {median(s):.2f} s " for name, s in ready.items()))
        return [
            found("growth/reserve", took["reserve"]["full"] / took["reserve"]["empty"]),
            found("growth/settle", took["settle"]["full"] / took["settle"]["empty"]),
            found("growth/budget", took["budget"]["full"]),
            found("growth/ready", *ready["full"]),
        ]


def main() -> None:
    """Fill, and compare."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--charges", type=int, default=CHARGES)
    parser.add_argument("--database", type=Path, help="kept, and filled only if it is not there")
    asked = parser.parse_args()
    print(written(findings(asked.charges, asked.database)))


if __name__ == "__main__":
    main()
