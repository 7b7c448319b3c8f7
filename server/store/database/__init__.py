"""One database on SQLite."""

from server.store.database.core import Change, Database, Stored, parse_seq

__all__ = ["Change", "Database", "Stored", "parse_seq"]
