"""A stand-in upstream and a Farebox before it, one pair a module."""

from tests.relay.conftest import farebox, upstream

__all__ = ["farebox", "upstream"]
