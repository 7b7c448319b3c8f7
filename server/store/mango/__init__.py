"""Queries by selector: what matches, which index helps, and how results are read."""

from server.store.mango.selector import compile_selector, matches

__all__ = ["compile_selector", "matches"]
