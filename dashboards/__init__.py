"""What Grafana, Prometheus and Alertmanager show of Farebox.

board        one dashboard: its rows of panels, variables, links and annotations
panel        one picture: a query, a unit, thresholds, and words that say what to do about it
ledger       the SQL of a panel, once for PostgreSQL and once for SQLite
rules        prometheus/farebox.rules.yml: what several panels or alerts compute, and the alerts

The JSON under `grafana/` is made from this package by `make dashboards` and is never edited.
"""

import warnings

with warnings.catch_warnings():
    # The SDK warns on import that it also has a second form of boards; files that are
    # provisioned or imported by hand are in the first.
    warnings.filterwarnings("ignore", "Prefer using dashboardv2", DeprecationWarning)
    import grafana_foundation_sdk.builders.dashboard
    import grafana_foundation_sdk.builders.prometheus
    import grafana_foundation_sdk.builders.timeseries  # noqa: F401 - all forms are loaded now
