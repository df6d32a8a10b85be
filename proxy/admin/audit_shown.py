"""What the audit kept of a change, in the API's words and units; digests are not among it."""

import json
from dataclasses import fields
from typing import Any, Final

from proxy.admin.shown import key_facts, team_facts
from proxy.budget import Zone
from proxy.directory import Key, Team

_OF_A_KEY: Final = {f.name for f in fields(Key)} - {"digest", "old_digest"}
_OF_A_TEAM: Final = {f.name for f in fields(Team)}
# What stands there as a bare word, and what the word is.
_WORDS: Final = {"prices.add": "sha256", "focus.close": "sha256", "ledger.restore": "reopened"}


def audited(action: str, text: str, at_us: int) -> dict[str, Any] | None:
    """Say what was before or after a change made at an instant; None if there was nothing.

    What an older version of Farebox did not write down is left out.
    """
    if not text:
        return None
    try:
        facts = json.loads(text)
    except ValueError:
        facts = text
    if not isinstance(facts, dict):
        return _told(action, text, facts)
    if action.startswith("key."):
        return _key(facts, at_us)
    return _team(facts) if action.startswith("team.") else facts


def _told(action: str, text: str, value: Any) -> dict[str, Any]:
    if action.startswith("charge."):
        state, _, settled = text.partition(" ")
        return {"state": state, **({"settled_usd": settled} if settled else {})}
    return {_WORDS.get(action, "text"): value if action == "ledger.restore" else text}


def _key(facts: dict[str, Any], at_us: int) -> dict[str, Any]:
    said = {name: value for name, value in facts.items() if name in _OF_A_KEY}
    zone = Zone(*said["zone"]) if said.get("zone") else None
    models = tuple(said.get("models", ()))
    shown = key_facts(Key(**{**said, "zone": zone, "models": models}), at_us=at_us)
    shown["fingerprint"] = said.get("fingerprint") or None
    if "created_us" not in said:
        del shown["created_at"]
    return shown


def _team(facts: dict[str, Any]) -> dict[str, Any]:
    said = {name: value for name, value in facts.items() if name in _OF_A_TEAM}
    shown = team_facts(Team(**said), {})
    del shown["keys"]  # how many there were then, nobody wrote down
    return shown
