"""Farebox."""
