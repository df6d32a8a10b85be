"""Farebox: a reverse proxy that takes the fare before the ride. Start reading in `relay`.

key          a caller's credential: one of ours, or the caller's own
team         keys under a common cap; the team `*` is the whole installation
budget       a limit on a scope (key, team, installation) and a window (day, month)
order        the priced parts of a submit; a quote is its price at one version of the table
charge       one fare through its life: reserved, accepted, settled, released, uncertain
entry        one movement of money in the ledger; entries are never changed
balance      what is settled and reserved of one scope in one period; with its limit, a standing
prediction   the upstream's job
surface      how a call is spelled: `path` names the model in its path, `unified` in its body
settlement   what a completion costs, put in the place of what was reserved
overrun      what it cost beyond that
correction   an entry that puts a decision without proof right
reconciler   decides charges whose callers never came back
statement    the provider's bill
"""
