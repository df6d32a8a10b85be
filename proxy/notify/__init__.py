"""The webhook: told once when a budget passes a threshold, and when that is over.

rules      which thresholds a standing has passed, and what is said about it. Pure.
outbox     what is to be told, kept in the ledger's database until somebody took it
webhook    one delivery: its signature, its shape
task       the loop of one worker
"""
