"""A process among several that spend from one budget: `contender.py URL KEY_ID CALLS [AHEAD_S]`.

It says `ready`, waits for a line, reserves all at once, and prints how many were admitted.
"""

import asyncio
import sys
import time

from proxy.fares import new_id
from proxy.ledger.operation import Receipt
from proxy.ledger.refusals import BudgetSpent
from proxy.ledger.reserve import Reserve
from proxy.ledger.schema import open_session
from proxy.ledger.store import Store
from proxy.ledger.writer import Writer
from tests.ledger.world import price


async def contend(url: str, key_id: str, calls: int) -> dict[str, int]:
    """Reserve as often as the budget allows; what became of the calls."""
    store = Store(open_session(url))
    store.open()
    key = store.directory.keys[key_id]
    print("ready", flush=True)  # noqa: T201
    await asyncio.to_thread(sys.stdin.readline)
    writer = Writer(store, asyncio.get_running_loop())
    writer.start()
    asked = (
        writer.do(Reserve(new_id(time.time_ns() // 1000), key, price(100), "shared", "path", "c"))
        for _ in range(calls)
    )
    found = await asyncio.gather(*asked, return_exceptions=True)
    await writer.close()
    store.session.close()
    admitted = sum(isinstance(f, Receipt) for f in found)
    refused = sum(isinstance(f, BudgetSpent) for f in found)
    return {"admitted": admitted, "refused": refused, "other": calls - admitted - refused}


if __name__ == "__main__":
    if len(sys.argv) > 4:
        real, ahead = time.time_ns, int(sys.argv[4]) * 10**9
        time.time_ns = lambda: real() + ahead
    result = asyncio.run(contend(sys.argv[1], sys.argv[2], int(sys.argv[3])))
    print(result["admitted"], result["refused"], result["other"])  # noqa: T201
