"""Pieces of PromQL that several panels share. Pure.

Every node reads the money from the one ledger, so two nodes show the same figure twice:
`once` takes it once before anything is added. Traffic is counted in each process: `summed`.
"""

JOB = 'job=~"$job"'
OURS = f'{JOB}, team=~"$team", key=~"$key"'
NODES = "instance, pod"


def once(metric: str, labels: str = JOB) -> str:
    """Take a figure of the ledger once, however many nodes show it."""
    return f"max without ({NODES}) ({metric}{{{labels}}})"


def summed(by: str, metric: str, labels: str = JOB, over: str = "$__rate_interval") -> str:
    """Add up what the processes counted in a span."""
    return f"sum by ({by}) (increase({metric}{{{labels}}}[{over}]))"


def lately(metric: str, labels: str = JOB, over: str = "1h") -> str:
    """Count rare events in a span, the first of each process too.

    A counter's series appears with its first event, which increase() does not see: a series that
    was not there at the start of the span counts whole.
    """
    series = f"{metric}{{{labels}}}"
    return f"sum(({series} unless {series} offset {over}) or increase({series}[{over}]))"


def per_second(by: str, metric: str, labels: str = JOB) -> str:
    """Say how often something happens, of all processes."""
    return f"sum by ({by}) (rate({metric}{{{labels}}}[$__rate_interval]))"


def quantile(share: float, by: str, metric: str, labels: str = JOB) -> str:
    """Estimate below which value a share of the observations lies."""
    rate = per_second(f"le, {by}" if by else "le", f"{metric}_bucket", labels)
    return f"histogram_quantile({share}, {rate})"


def or_none(expr: str, label: str = "") -> str:
    """Show 0 where there is no series yet: nothing of the kind has happened."""
    zero = f'label_replace(vector(0), "{label}", "none", "", "")' if label else "vector(0)"
    return f"{expr} or on () {zero}"
