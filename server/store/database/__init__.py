"""One database on SQLite."""

from server.store.database.core import Database
from server.store.database.stored import Change, Stored, parse_seq

__all__ = ["Change", "Database", "Stored", "parse_seq"]
