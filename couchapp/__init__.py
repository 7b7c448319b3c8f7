"""The application inside CouchDB: couchapp/<design>/validate_doc_update.js, filters, updates."""
