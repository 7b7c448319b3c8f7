"""CouchDB clients written in JavaScript."""
