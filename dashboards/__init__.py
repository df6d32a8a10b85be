"""What Grafana, Prometheus and Alertmanager show of Farebox.

board        one dashboard: its rows of panels, variables, links and annotations
panel        one picture: a query, a unit, thresholds, and words that say what to do about it
ledger       the SQL of a panel, once for PostgreSQL and once for SQLite
rules        prometheus/farebox.rules.yml: what several panels or alerts compute, and the alerts

The JSON under `grafana/` is made from this package by `make dashboards` and is never edited.
"""
