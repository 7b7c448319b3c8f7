"""JavaScript of design documents, run in child processes that can reach nothing but their pipe."""
