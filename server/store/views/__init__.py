"""Views: what design documents ask for, as indexes on disk, built incrementally, read with CouchDB's options."""

from server.store.views.server import ViewServer

__all__ = ["ViewServer"]
