"""How often a fault is looked at: a verdict that may be the machine's must be given again.

A fork that is ended for its time may only have been slow. And a test that fails on a fault which,
as `survivors.toml` has it, no test can see may only have failed by chance. Both are looked at
again with longer limits, the second kind twice and at last alone; each look runs the tests
without a fault first.
"""

from tests.mutation.bench import LATE, UNFIT, UNSEEN, Bench, Verdict
from tests.mutation.judge import afresh, in_place
from tests.mutation.mutants import Mutant

PATIENCE = 3  # most faults that are late loop for ever, so the first limit is a short one


def settled(
    bench: Bench, found: list[Mutant], explained: set[str]
) -> tuple[dict[str, Verdict], dict[str, Verdict]]:
    """Give every fault its verdict: seen is what each look at it saw.

    Also returns, of those that are unseen by that, what the look before had said.
    """
    verdicts = _look(bench, found)
    late = {name for name, verdict in verdicts.items() if verdict.code == LATE}
    chance: dict[str, Verdict] = {}
    bench.patience = PATIENCE
    for doubtful, jobs in ((explained | late, bench.jobs), (explained, 1)):
        bench.jobs = jobs
        seen = {name: verdicts[name] for name in doubtful & verdicts.keys()}
        seen = {name: verdict for name, verdict in seen.items() if verdict.code != UNSEEN}
        again = _look(bench, [mutant for mutant in found if mutant.name in seen])
        chance |= {name: seen[name] for name, verdict in again.items() if verdict.code == UNSEEN}
        verdicts |= again
    return verdicts, chance


def _look(bench: Bench, found: list[Mutant]) -> dict[str, Verdict]:
    """Look once: in place where that can be, and afresh at what goes unseen there."""
    in_code = [mutant for mutant in found if mutant.in_code]
    verdicts = in_place(bench, in_code) if in_code else {}
    seen = {name for name, verdict in verdicts.items() if verdict.code not in {UNSEEN, UNFIT}}
    return verdicts | afresh(bench, [mutant for mutant in found if mutant.name not in seen])
