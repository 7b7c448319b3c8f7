"""The store's parts that need no disk and no network."""
