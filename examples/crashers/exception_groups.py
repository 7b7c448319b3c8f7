"""Raises two errors at once. Expected: an unhandled ExceptionGroup from 3.11 on, a NameError before."""

raise ExceptionGroup("both failed", [ValueError("one"), TypeError("two")])
