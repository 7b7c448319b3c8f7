"""The embedded store: the CouchDB protocol on SQLite, for one machine."""
