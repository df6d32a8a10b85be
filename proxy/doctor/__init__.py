"""`farebox doctor`: the mistakes of a first installation, found before a caller finds them.

Each module looks at one side (what was set, this host, the ledger, the upstream) and yields
findings in words: what is wrong, and what to do about it.
"""
