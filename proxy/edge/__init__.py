"""The edge: how callers' bytes become ASGI calls, and what never does.

- **exchange**: one request and its answer
- **refusal**: a request that never becomes a call; its connection ends with it
- **sweep**: the one look, once a second, at every connection's deadline
- **drain**: from SIGTERM on, calls in flight end and no new one begins
"""

from proxy.edge.connection import sweep
from proxy.edge.limits import EdgeLimits, connections_cap, in_flight_cap, raise_descriptor_limit
from proxy.edge.protocol import EdgeProtocol
from proxy.edge.status import ServerStatus

__all__ = [
    "EdgeLimits",
    "EdgeProtocol",
    "ServerStatus",
    "connections_cap",
    "in_flight_cap",
    "raise_descriptor_limit",
    "sweep",
]
