"""The CouchDB protocol over HTTP."""
