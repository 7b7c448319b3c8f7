"""Tests that talk HTTP to a CouchDB: the embedded store, or the one that COUCHDB_URL names."""
