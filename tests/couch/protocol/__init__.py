"""CouchDB's HTTP protocol as a contract: what holds for Apache CouchDB 3 holds for the embedded store."""
